r"""How far reconstructions are from their targets, over any number of batches.

With target $t$ and reconstruction $y$, both with samples on the first axis:

.. math:: \text{rel} = \operatorname*{mean}_{t > 1/2} \frac{|y - t|}{t}, \qquad
    \delta_i = \operatorname*{share}_{t > 1/2} \Bigl\{ \max\bigl(\tfrac yt, \tfrac ty\bigr)
    < 1.25^i \Bigr\}, \qquad \text{SSE} = \tfrac1N \sum_n \lVert y_n - t_n \rVert^2

Every measure is a total over a weight, returned as a :class:`Ratio`, so that batches add up and
nothing is held twice.
"""

import math
from collections.abc import Iterable
from functools import reduce
from typing import Literal, NamedTuple

import torch

from nebulatent.evaluation.measures import Better, Measure, finite
from nebulatent.evaluation.similarity import ssim
from nebulatent.typing import Float, Tensor

Samples = Float[Tensor, "samples *shape"]
Pairs = Iterable[tuple[Tensor, Tensor]]
Kind = Literal["vectors", "images"]

ROWS = 100
FOREGROUND = 0.5
SMALLEST_MSE = 1e-10  # a perfect image counts as 100 dB


class Ratio(NamedTuple):
    """A mean that more batches can be added to.

    Examples:
        >>> Ratio(6.0, 3.0).joined(Ratio(0.0, 1.0)).value
        1.5
    """

    total: float
    weight: float

    @property
    def value(self) -> float:
        """The mean; NaN over nothing."""
        return self.total / self.weight if self.weight else math.nan

    def joined(self, other: "Ratio") -> "Ratio":
        """The mean over both."""
        return Ratio(self.total + other.total, self.weight + other.weight)


def _sum(values: Tensor) -> float:
    return values.sum(dtype=torch.float64).item()


def rel(x: Samples, recon: Samples) -> Ratio:
    """Mean of |y - t| / t over the pixels whose target exceeds 0.5.

    Source: Wang et al., TPAMI 2022, Table 2.
    Our reading: the paper does not say which pixels; only these give its magnitudes.
    Notes: Background errors do not count, which rewards reconstructions that are too bright:
        read it beside SSE.
    """
    bright = x > FOREGROUND
    error = torch.where(bright, (recon - x).abs() / x, 0)
    return Ratio(_sum(error), int(bright.sum()))


def delta(x: Samples, recon: Samples, power: int) -> Ratio:
    """Share of the pixels with target above 0.5 for which max(y/t, t/y) < 1.25^power.

    Source: Wang et al., TPAMI 2022, Table 2 (powers 1, 2, 3), read as in `rel`.
    """
    bright, factor = x > FOREGROUND, 1.25**power
    # The quotients multiplied out; a reconstruction of zero or less is never close.
    close = (recon < factor * x) & (x < factor * recon) & bright
    return Ratio(int(close.sum()), int(bright.sum()))


def sse(x: Samples, recon: Samples) -> Ratio:
    """Squared error summed over a sample's values, mean over samples."""
    return Ratio(_sum((recon - x).square()), len(x))


def relative_absolute(x: Samples, recon: Samples) -> Ratio:
    """Sum of |y - t| over the sum of |t|, over all values."""
    return Ratio(_sum((recon - x).abs()), _sum(x.abs()))


def psnr(x: Samples, recon: Samples) -> Ratio:
    """Peak signal-to-noise ratio of each image for values in [0, 1], mean over images.

    Unit: dB, at most 100: a mean squared error below 1e-10 counts as 1e-10, so that one perfect
        image does not make the mean infinite.
    """
    error = (recon - x).flatten(1).to(torch.float64).square().mean(1)
    return Ratio(_sum(-10 * error.clamp_min(SMALLEST_MSE).log10()), len(x))


class Variation(NamedTuple):
    """Mean and summed squared deviation of each value; batches add up without cancellation."""

    samples: int
    mean: Float[Tensor, " values"]
    squares: Float[Tensor, " values"]

    def joined(self, other: "Variation") -> "Variation":
        """Both together (Chan et al. 1983)."""
        samples = self.samples + other.samples
        share = other.samples / samples
        gap = other.mean - self.mean
        squares = self.squares + other.squares + gap.square() * (self.samples * share)
        return Variation(samples, self.mean + gap * share, squares)


def variation(x: Samples) -> Variation:
    """How much each value varies over the samples of one batch."""
    rows = x.flatten(1).to(torch.float64)
    return Variation(len(rows), rows.mean(0), (rows - rows.mean(0)).square().sum(0))


def explained_variance(errors: Ratio, spread: Variation) -> float:
    """1 - (squared error) / (squared deviation from each value's mean), over all values (R²).

    Arguments:
        errors: Result of `sse`.
        spread: Result of `variation` on the same samples.

    Returns:
        NaN if no value varies.
    """
    total = _sum(spread.squares)
    return 1 - errors.total / total if total else math.nan


class _Sums(NamedTuple):
    ratios: dict[str, Ratio]
    spread: Variation

    def joined(self, other: "_Sums") -> "_Sums":
        ratios = {name: ratio.joined(other.ratios[name]) for name, ratio in self.ratios.items()}
        return _Sums(ratios, self.spread.joined(other.spread))


CONVENTIONS: dict[str, tuple[Better, str, str]] = {
    "rel": ("lower", "", "Mean of |y − t| / t over the pixels with target t above 0.5."),
    "δ1": ("higher", "", "Share of pixels with target above 0.5 off by a factor under 1.25."),
    "δ2": ("higher", "", "Share of pixels with target above 0.5 off by a factor under 1.25²."),
    "δ3": ("higher", "", "Share of pixels with target above 0.5 off by a factor under 1.25³."),
    "PSNR": (
        "higher",
        "dB",
        "−10 log₁₀ of each image's mean squared error for values in [0, 1], at most 100; mean "
        "over images.",
    ),
    "SSIM": (
        "higher",
        "",
        "Structural similarity (Wang et al. 2004) under a Gaussian window of 11×11 pixels, or the "
        "largest odd one that fits; mean over images.",
    ),
    "R²": (
        "higher",
        "",
        "1 − squared error / squared deviation from each feature's mean, over all features.",
    ),
    "SSE": ("lower", "", "Squared error summed over a sample's values, mean over samples."),
    "absolute / total": ("lower", "", "Sum of |y − t| over the sum of |t|, over all values."),
}


def reconstruction_measures(pairs: Pairs, kind: Kind) -> list[Measure]:
    """All measures of reconstructions, from batches that are seen once.

    What the data do not define is left out: rel and δ without a pixel above 0.5, the relative
    error of black images, R² where nothing varies.

    Arguments:
        pairs: Batches of (targets, reconstructions); images in [0, 1]. Arrays in memory are
            `[(x, recon)]`.
        kind: Images have rel, δ, PSNR and SSIM; vectors have R²; both have SSE and the
            absolute error.

    Raises:
        ValueError: If there is no sample, or a reconstruction is not finite.
    """
    batches = (_of_batch(x, recon, kind) for x, recon in _parts(pairs))
    first = next(batches, None)
    if first is None:
        raise ValueError("`pairs` must hold at least one sample, got none.")
    ratios, spread = reduce(_Sums.joined, batches, first)
    values = {name: ratio.value for name, ratio in ratios.items()}
    if kind == "vectors":
        values["R²"] = explained_variance(ratios["SSE"], spread)
    return finite(
        Measure(name, values[name], better, unit, convention, False)
        for name, (better, unit, convention) in CONVENTIONS.items()
        if name in values
    )


def _parts(pairs: Pairs) -> Pairs:
    """The same pairs in small batches: temporaries that stay in the cache take half the time."""
    for x, recon in pairs:
        if len(x):
            yield from zip(x.split(ROWS), recon.split(ROWS), strict=True)


def _of_batch(x: Tensor, recon: Tensor, kind: Kind) -> _Sums:
    if not recon.isfinite().all():
        raise ValueError("`recon` must be finite, got NaN or infinity; check the decoder.")
    ratios = {"SSE": sse(x, recon), "absolute / total": relative_absolute(x, recon)}
    if kind == "images":
        ratios["rel"] = rel(x, recon)
        ratios |= {f"δ{power}": delta(x, recon, power) for power in (1, 2, 3)}
        ratios["PSNR"] = psnr(x, recon)
        ratios["SSIM"] = Ratio(_sum(ssim(x, recon)), len(x))
    return _Sums(ratios, variation(x))
