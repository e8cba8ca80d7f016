"""Minimise a method's terms over batches."""
