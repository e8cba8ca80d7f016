"""Samples held out for evaluation, where a data set has no official test part.

A plain seeded permutation, not stratified by label: labels never influence training, not even
through the choice of its samples.
"""

import numpy as np

from nebulatent.data.table import Table


def hold_out(table: Table, share: float = 0.2, seed: int = 0) -> tuple[Table, Table]:
    """Split a table into a training and a held-out part, each in the order of the table.

    Arguments:
        table: At least two samples.
        share: Part of the samples held out; both parts keep at least one sample.
        seed: Fixes the choice.

    Raises:
        ValueError: If `share` is not between 0 and 1, or there are fewer than two samples.
    """
    if not 0 < share < 1:
        raise ValueError(f"`share` must lie between 0 and 1, got {share}.")
    if table.num_samples < 2:
        raise ValueError(f"`table` must hold at least 2 samples, got {table.num_samples}.")
    order = np.random.default_rng(seed).permutation(table.num_samples)
    count = min(max(round(share * table.num_samples), 1), table.num_samples - 1)
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    how = f"of {table.num_samples}, chosen by a seeded permutation (seed {seed})"
    return (
        _part(table, rest, f"Training part: {len(rest)} {how}."),
        _part(table, held, f"Held-out part: {len(held)} {how}."),
    )


def _part(table: Table, rows: np.ndarray, note: str) -> Table:
    return table.take(rows)._replace(found=(*table.found, note))
