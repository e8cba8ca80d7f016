"""Features → codes: posteriors, bottlenecks, priors and anchors."""
