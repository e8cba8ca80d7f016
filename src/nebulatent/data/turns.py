"""Batches of several sources in turn, such as shapes with pictures among many that have none.

A batch is of one source, so that all its samples have the same forms; what reads another form than
a batch has, such as :class:`nebulatent.methods.switch_vae.SwitchVAE`, goes without.
"""

from nebulatent.data.batch import Batch, Batches


class Turns(Batches):
    """One batch of each source after the other, until the first has been seen whole.

    The others begin anew, in another order, whenever they have been seen whole. Samples that are
    asked for beside the batches are of the first source.

    Arguments:
        first: Fixes the length of an epoch.
        others: Any lengths.

    Raises:
        ValueError: If there are no others.

    Examples:
        >>> import torch
        >>> many, few = torch.zeros(6, 1), torch.ones(2, 1)
        >>> turns = Turns(Batches(many, batch_size=3), Batches(few, batch_size=2))
        >>> [batch.x.flatten().tolist() for batch in turns.epoch(0)]
        [[0.0, 0.0, 0.0], [1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0]]
    """

    def __init__(self, first: Batches, *others: Batches) -> None:
        if not others:
            raise ValueError("`others` must be at least one more source, got none; use `first`.")
        vars(self).update(vars(first))  # what is asked for beside batches
        self.sources = (first, *others)

    def share(self, rank: int, world_size: int) -> "Turns":
        """Every source's part that is one process's.

        Raises:
            ValueError: As for each source.
        """
        return Turns(*(source.share(rank, world_size) for source in self.sources))

    @property
    def num_samples(self) -> int:
        """Samples of an epoch, over all processes; of the others the mean over epochs, rounded."""
        turns = len(self.sources[0])
        return sum(round(turns * source.num_samples / len(source)) for source in self.sources)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return len(self.sources[0]) * len(self.sources)

    def batch(self, epoch: int, index: int) -> Batch:
        """One batch of an epoch.

        Raises:
            IndexError: If an epoch has no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"`index` must lie in 0..{len(self) - 1}, got {index}.")
        turn, which = divmod(index, len(self.sources))
        source = self.sources[which]
        round_, within = divmod(epoch * len(self.sources[0]) + turn, len(source))
        return source.batch(round_, within)
