"""Codes and reconstructions → numbers, each with its direction, unit and convention."""
