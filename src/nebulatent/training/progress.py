"""What a run has behind it: where it stands, and the averages of its terms, epoch by epoch."""

from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import Any, Self

import torch

from nebulatent.ops.processes import gather_rows, num_processes, own_rank
from nebulatent.terms import Terms

Row = dict[str, float]
WEIGHT = "weight_"  # + a term's name: its weight
LR = "lr"
MEASURED = ("gradient_norm", "gradients")  # sums over the steps at which it was measured


@dataclass
class Progress:
    """Counts and averages; with the weights they are all that the next step depends on.

    A row of the history is a function of the seed alone: no times are in it.
    """

    step: int = 0
    """Steps of the optimiser."""
    epoch: int = 0
    """Finished epochs."""
    index: int = 0
    """Batches used of the present epoch."""
    sums: Row = field(default_factory=dict)
    """Sums of this process's terms over these batches."""
    history: list[Row] = field(default_factory=list)
    """One row per finished epoch."""
    best: float = inf
    """Lowest score of an epoch."""
    best_epoch: int = -1
    """Its number."""

    def add(self, terms: Terms, total: float) -> None:
        """Count a batch."""
        self.index += 1
        values = {name: value.item() for name, value in terms.values.items()}
        self.note(**values, total=total)
        self.keep(**{f"{WEIGHT}{name}": terms.weights.get(name, 1.0) for name in values})

    def keep(self, **values: float) -> None:
        """Keep values of which a row has the last one, not the average."""
        self.sums |= values

    def note(self, **values: float) -> None:
        """Add to the sums."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def averages(self) -> Row:
        """Averages of the epoch's sums over its batches, and over processes."""
        sums = _mean(self._all_sums())
        measured = {name: sums.pop(name) for name in MEASURED if name in sums}
        last = {name for name in sums if name == LR or name.startswith(WEIGHT)}
        row = {name: v if name in last else v / self.index for name, v in sums.items()}
        if measured:
            row["gradient_norm"] = measured["gradient_norm"] / measured["gradients"]
        return row

    def _all_sums(self) -> list[Row]:
        """The sums of every process, which all have the same terms."""
        values = torch.tensor([list(self.sums.values())], dtype=torch.float64)
        return [dict(zip(self.sums, own, strict=True)) for own in gather_rows(values).tolist()]

    def finish_epoch(self, row: Row) -> bool:
        """Begin the next epoch; returns whether the finished one has the best score so far."""
        better = row["score"] < self.best
        if better:
            self.best, self.best_epoch = row["score"], self.epoch
        self.history.append(row)
        self.epoch, self.index, self.sums = self.epoch + 1, 0, {}
        return better

    def waited(self) -> int:
        """Epochs since the best score."""
        return self.epoch - 1 - self.best_epoch

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the sums of every process; every process must call it.

        An infinite score, which JSON lacks, is null.
        """
        best = None if self.best == inf else self.best
        return asdict(self) | {"best": best, "sums": self._all_sums()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """What `to_json` wrote, with the sums of this process.

        On another number of processes than the run had, each gets the average of their sums.

        Raises:
            ValueError: If it is something else.
        """
        counts = {name: saved.get(name) for name in ("step", "epoch", "index", "best_epoch")}
        history, sums, best = (saved.get(name) for name in ("history", "sums", "best"))
        least = {name: -1 if name == "best_epoch" else 0 for name in counts}
        if any(type(v) is not int or not least[k] <= v < 2**53 for k, v in counts.items()):
            raise ValueError("its counts are no whole numbers")
        if not isinstance(history, list) or len(history) != counts["epoch"]:
            raise ValueError("it has not one row of history per epoch")
        if not isinstance(sums, list) or not all(_is_row(row) for row in (*history, *sums)):
            raise ValueError("its history holds something else than numbers")
        if not sums or any(row.keys() != sums[0].keys() for row in sums):
            raise ValueError("its processes do not have the same terms")
        if best is not None and not isinstance(best, float):
            raise ValueError("its best score is no number")
        own = sums[own_rank()] if len(sums) == num_processes() else _mean(sums)
        progress = cls(**counts, sums=own, history=history)  # pyright: ignore[reportArgumentType]
        return progress if best is None else replace(progress, best=best)


def _mean(rows: list[Row]) -> Row:
    """The average of rows that have the same names."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and all(isinstance(value, float) for value in row.values())


def score(row: Row) -> float:
    """What early stopping watches, without labels: -ELBO where a row has its terms, or the total.

    The latent terms are left out: they begin in the middle of a run.
    """
    parts = [row[name] for name in ("reconstruction", "kl") if name in row]
    return sum(parts) if parts else row["total"]
