"""One paper, one file: the equations as functions in paper order, then the module."""
