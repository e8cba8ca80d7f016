"""Runs on disk: what was trained, with what, and how to use it again."""
