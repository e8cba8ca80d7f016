"""The page of a run: what is on it and in which words."""
