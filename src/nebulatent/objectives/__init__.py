"""Codes → terms: equations that more than one paper uses."""
