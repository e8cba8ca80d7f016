r"""Nebula anchors as places in the latent space: where they start, which code belongs to which.

The terms that move them are in `nebulatent.methods.nvc`; here is all that does not depend on them.

.. math:: k(n) = \arg\min_i \lVert z_n - a_i \rVert^2, \qquad
    p_i(z) = \operatorname{softmax}_i\bigl(-\lVert z - a_i \rVert^2 / 2\tau\bigr)
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import nn

from nebulatent.ops.distances import nearest, squared_distances
from nebulatent.typing import Float, Int, Tensor

Start = Literal["kmeans", "normal", "classes"]
MAX_START_CODES = 10_000


class Snapshot(NamedTuple):
    """Codes of some training samples at one moment, and their labels if the batches have any."""

    z: Float[Tensor, "codes latent"]
    label: Int[Tensor, " codes"] | None = None


class AnchorSet(nn.Module):
    """Trainable anchors with a beginning: drawn from N(0, I), then placed on the data.

    Source: Wang et al., TPAMI 2022, section 3.1 and 3.1.2 (anchors start as a Gaussian).
    Our reading: N(0, I) anchors leave most of themselves without a single code (3 or 4 of 10 used
        on MNIST), so after `warmup_epochs` they are moved to the k-means centres of the codes, and
        an anchor that later loses all its codes is moved onto a code far from every other anchor.

    Arguments:
        num_anchors: Number of anchors, at least 1.
        latent_dim: Dimension of a code.
        start: `"kmeans"` places the anchors on the data at the end of the warm-up; `"normal"`
            leaves them where N(0, I) put them; `"classes"` places them on the means of the
            labelled classes and is the only one that reads labels.
        warmup_epochs: Epochs before the anchors act. Anything above 0 needs someone to call
            `begin_epoch`; `nebulatent.fit` does.
        revive: Whether an anchor without codes is moved at the start of an epoch.
        generator: Draws the N(0, I) start; the global generator if missing.

    Raises:
        ValueError: If a size is not positive or `warmup_epochs` is negative.
    """

    def __init__(
        self,
        num_anchors: int,
        latent_dim: int,
        *,
        start: Start = "kmeans",
        warmup_epochs: int = 0,
        revive: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("num_anchors", num_anchors), ("latent_dim", latent_dim)):
            if size < 1:
                raise ValueError(f"`{name}` must be positive, got {size}.")
        if start not in get_args(Start):
            raise ValueError(f"`start` must be one of {get_args(Start)}, got {start!r}.")
        if warmup_epochs < 0:
            raise ValueError(f"`warmup_epochs` must not be negative, got {warmup_epochs}.")
        self.num_anchors, self.latent_dim = num_anchors, latent_dim
        self.start_from, self.warmup_epochs, self.revive = start, warmup_epochs, revive
        self.positions = nn.Parameter(torch.randn(num_anchors, latent_dim, generator=generator))
        self.epoch, self.placed = -1, False

    @property
    def active(self) -> bool:
        """Whether the warm-up is over.

        Raises:
            RuntimeError: If there is a warm-up and nobody has said which epoch it is.
        """
        if self.warmup_epochs and self.epoch < 0:
            raise RuntimeError(
                f"`begin_epoch` must be called before each epoch when `warmup_epochs` is "
                f"{self.warmup_epochs}; call it, or pass `warmup_epochs=0`."
            )
        return self.epoch >= self.warmup_epochs or not self.warmup_epochs

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """Index of each code's nearest anchor; no gradient."""
        with torch.no_grad():
            return nearest(z, self.positions)

    def probabilities(
        self, z: Float[Tensor, "codes latent"], temperature: float = 1.0
    ) -> Float[Tensor, "codes anchors"]:
        """Probability of each anchor for each code: anchors as equal, round Gaussians.

        Our reading: the paper gives no probabilities; `temperature` is the variance of the
            Gaussians, so 1 is the scale of the prior. The largest one is the nearest anchor's.
        """
        distances = squared_distances(z, self.positions)
        return (distances / (-2 * temperature)).softmax(1)

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Place the anchors when the warm-up ends; later move those that lost their codes.

        Arguments:
            epoch: Number of the epoch that begins, from 0.
            snapshot: Returns codes of the training samples; called only when needed.
            seed: Fixes the k-means start and the choice of new places.
        """
        self.epoch = epoch
        if not self.active:
            return
        if self.start_from != "normal" and not self.placed:
            z, label = snapshot()
            if self.start_from == "classes" and label is None:
                raise ValueError('`start` "classes" must have labelled batches, got no labels.')
            self.place(z, label if self.start_from == "classes" else None, seed=seed)
        elif self.revive and epoch > self.warmup_epochs:
            self.move_empty(snapshot().z, seed=seed + epoch)

    @torch.no_grad()
    def place(
        self,
        z: Float[Tensor, "codes latent"],
        label: Int[Tensor, " codes"] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        """Move the anchors onto the codes: k-means centres, or the classes' means given labels.

        Raises:
            ValueError: If there are fewer codes than anchors, or the codes are not finite.
        """
        if len(z) < self.num_anchors:
            raise ValueError(
                f"`num_anchors` must not exceed the number of samples, got {self.num_anchors} "
                f"anchors and {len(z)} samples; ask for fewer anchors."
            )
        if not z.isfinite().all():
            raise ValueError("`z` must be finite, got NaN or infinity; check the encoder.")
        centres = kmeans(z, self.num_anchors, seed) if label is None else self._means(z, label)
        self.positions.copy_(centres)
        self.placed = True

    def _means(self, z: Tensor, label: Tensor) -> Tensor:
        sums = torch.zeros_like(self.positions).index_add(0, label, z.to(self.positions))
        counts = torch.bincount(label, minlength=self.num_anchors).unsqueeze(1)
        return torch.where(counts > 0, sums / counts.clamp_min(1), self.positions)

    @torch.no_grad()
    def move_empty(self, z: Float[Tensor, "codes latent"], *, seed: int = 0) -> int:
        """Move every anchor without codes onto a code, drawn by its squared distance.

        Each draw is a step of k-means++ (Arthur & Vassilvitskii 2007): far codes are likely, single
        outliers are not certain.

        Returns:
            How many anchors were moved.
        """
        generator = torch.Generator().manual_seed(seed)
        distances = squared_distances(z, self.positions)
        nearest, owner = distances.min(1)
        counts = torch.bincount(owner, minlength=self.num_anchors)
        empty = (counts == 0).nonzero().flatten().tolist()
        moved = 0
        for anchor in empty if len(z) >= self.num_anchors else []:
            if not nearest.sum() > 0:
                break  # every code sits on an anchor: there is no better place
            moved += 1
            row = torch.multinomial(nearest.cpu(), 1, generator=generator)
            self.positions[anchor] = z[row[0]]
            nearest = nearest.minimum(squared_distances(z, z[row[0]].unsqueeze(0))[:, 0])
        return moved

    def get_extra_state(self) -> Tensor:
        """The epoch and whether the anchors were placed, as a tensor so that it can be saved."""
        return torch.tensor([self.epoch, int(self.placed)])

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` saved."""
        self.epoch, self.placed = int(state[0]), bool(state[1])

    def extra_repr(self) -> str:
        """Sizes, for `print`."""
        return f"num_anchors={self.num_anchors}, latent_dim={self.latent_dim}"


def kmeans(
    z: Float[Tensor, "codes latent"], num_clusters: int, seed: int, *, num_starts: int = 20
) -> Float[Tensor, "clusters latent"]:
    """Centres of the best of `num_starts` k-means runs over at most 10 000 codes.

    Coincident codes can leave fewer distinct centres than clusters; then some centres coincide.
    One thread: scikit-learn adds its threads' sums in the order in which they finish.
    """
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if len(z) > MAX_START_CODES:
        generator = torch.Generator().manual_seed(seed)
        z = z[torch.randperm(len(z), generator=generator)[:MAX_START_CODES].to(z.device)]
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the coincident codes above
        model = KMeans(num_clusters, n_init=num_starts, random_state=seed)  # pyright: ignore[reportArgumentType]
        model.fit(z.detach().cpu().double().numpy())
    return torch.as_tensor(model.cluster_centers_, dtype=z.dtype, device=z.device)
