"""Parametric shapes of everyday things, as exact solids: 3D data on any machine, from a seed."""
