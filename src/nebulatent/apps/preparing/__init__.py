"""Voxels, views and scans made from meshes."""
