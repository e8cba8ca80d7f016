"""A run in other formats and places."""
