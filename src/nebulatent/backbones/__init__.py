"""Raw tensors → features, and codes → raw tensors; one file per modality."""
