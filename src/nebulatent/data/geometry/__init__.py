"""Files of meshes and clouds of points, one format a module."""
