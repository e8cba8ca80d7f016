"""Handwritten digits that ship with scikit-learn: 1797 grey images of 8×8, values 0 to 16.

========= =======
split     samples
========= =======
train     1438
test      359
all       1797
========= =======

Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test part).
There is no official split; train and test are :func:`~nebulatent.data.splits.hold_out`'s.
"""

import numpy as np

from nebulatent.data.splits import hold_out
from nebulatent.data.table import Split, Table, build_table


def load_digits(split: Split = "train") -> Table:
    """The digits, with their labels for evaluation.

    Arguments:
        split: Which part; `"all"` is everything, in scikit-learn's order.

    Examples:
        >>> load_digits("all").x.shape
        (1797, 1, 8, 8)
    """
    from sklearn.datasets import load_digits as bundled  # slow to import, needed only here

    pixels, target = bundled(return_X_y=True)
    table = build_table(
        np.asarray(pixels, dtype=np.float32).reshape(-1, 1, 8, 8),
        source="scikit-learn's handwritten digits",
        labels=np.asarray(target),
    )
    if split == "all":
        return table
    train, test = hold_out(table)
    return train if split == "train" else test
