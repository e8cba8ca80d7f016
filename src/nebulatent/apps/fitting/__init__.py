"""A training from its plan to its stored run."""
