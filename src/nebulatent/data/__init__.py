"""Files → tables → batches."""
