"""Numerical kernels: exact, fast, and free of anything to learn."""
