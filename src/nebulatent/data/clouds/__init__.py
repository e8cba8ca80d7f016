"""Data sets of meshes and clouds of points, one public layout a module."""
