"""Figures of codes, curves, samples and clouds."""
