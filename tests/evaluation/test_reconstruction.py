"""Reconstruction errors against loops over floats, in one batch and in several."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.reconstruction import (
    delta,
    explained_variance,
    psnr,
    reconstruction_measures,
    rel,
    relative_absolute,
    sse,
    variation,
)

RNG = torch.Generator().manual_seed(0)
X, RECON = torch.rand(2, 7, 1, 12, 13, dtype=torch.float64, generator=RNG)


def values(measures: list[Measure]) -> dict[str, float]:
    return {measure.name: measure.value for measure in measures}


def bright(x: torch.Tensor, recon: torch.Tensor) -> list[tuple[float, float]]:
    pixels = zip(x.flatten().tolist(), recon.flatten().tolist(), strict=True)
    return [(t, y) for t, y in pixels if t > 0.5]


def test_rel_is_the_mean_relative_error_of_bright_pixels() -> None:
    errors = [abs(y - t) / t for t, y in bright(X, RECON)]
    assert rel(X, RECON).value == pytest.approx(sum(errors) / len(errors), rel=1e-12)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_delta_is_the_share_of_bright_pixels_within_a_factor(power: int) -> None:
    close = [max(y / t, t / y) < 1.25**power for t, y in bright(X, RECON)]
    assert delta(X, RECON, power).value == pytest.approx(sum(close) / len(close), rel=1e-12)


def test_black_or_negative_reconstructions_fail_every_delta_and_count_in_full_in_rel() -> None:
    x = torch.ones(1, 1, 2, 2)
    recon = torch.tensor([[[[0.0, -3.0], [1.0, 1.0]]]])
    assert delta(x, recon, 3).value == 0.5
    assert rel(x, recon).value == (1 + 4) / 4


def test_pixels_at_one_half_are_background() -> None:
    x = torch.tensor([[[[0.5, 1.0]]]])
    assert rel(x, torch.zeros_like(x)).weight == 1


def test_sse_sums_over_values_and_averages_over_samples() -> None:
    pairs = zip(X.flatten().tolist(), RECON.flatten().tolist(), strict=True)
    assert sse(X, RECON).value == pytest.approx(sum((y - t) ** 2 for t, y in pairs) / 7)


def test_relative_absolute_divides_sums() -> None:
    pairs = list(zip(X.flatten().tolist(), RECON.flatten().tolist(), strict=True))
    expected = sum(abs(y - t) for t, y in pairs) / sum(t for t, _ in pairs)
    assert relative_absolute(X, RECON).value == pytest.approx(expected)


def test_psnr_is_averaged_over_images_in_decibels() -> None:
    decibels = []
    for x, recon in zip(X, RECON, strict=True):
        pairs = list(zip(x.flatten().tolist(), recon.flatten().tolist(), strict=True))
        decibels.append(-10 * math.log10(sum((y - t) ** 2 for t, y in pairs) / len(pairs)))
    assert psnr(X, RECON).value == pytest.approx(sum(decibels) / 7)


def test_a_perfect_image_has_a_psnr_of_100() -> None:
    x = torch.zeros(2, 1, 4, 4)
    recon = x.clone()
    recon[1] = 0.1
    assert psnr(x, x).value == pytest.approx(100)
    assert psnr(x, recon).value == pytest.approx(60, abs=1e-4)


def test_perfect_images_score_best_in_every_measure() -> None:
    perfect = values(reconstruction_measures([(X, X)], "images"))
    for name in ("rel", "SSE", "absolute / total"):
        assert perfect[name] == 0
    for name in ("δ1", "δ2", "δ3", "SSIM"):
        assert perfect[name] == pytest.approx(1)


def test_explained_variance_is_scikit_learns() -> None:
    x, recon = X.flatten(1), RECON.flatten(1)
    expected = r2_score(x.numpy(), recon.numpy(), multioutput="variance_weighted")
    assert explained_variance(sse(x, recon), variation(x)) == pytest.approx(expected)


def test_explained_variance_is_zero_for_the_mean_even_far_from_zero() -> None:
    x = torch.randn(40, 3, dtype=torch.float64, generator=RNG) + 1e8
    mean = x.mean(0).expand(40, 3)
    batches = [(x[i : i + 7], mean[i : i + 7]) for i in range(0, 40, 7)]
    assert values(reconstruction_measures(batches, "vectors"))["R²"] == pytest.approx(0, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 7), max_size=4))
def test_batches_add_up_to_the_whole(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 7]
    pairs = ((X[a:b], RECON[a:b]) for a, b in pairwise(edges))
    whole = values(reconstruction_measures([(X, RECON)], "images"))
    assert values(reconstruction_measures(pairs, "images")) == pytest.approx(whole, rel=1e-12)
    assert len(whole) == 8


def test_a_large_batch_is_its_parts() -> None:
    x, recon = torch.rand(2, 230, 5, dtype=torch.float64, generator=RNG)
    found = values(reconstruction_measures([(x, recon)], "vectors"))
    assert found["SSE"] == pytest.approx(sse(x, recon).value)
    assert found["R²"] == pytest.approx(explained_variance(sse(x, recon), variation(x)))


def test_single_precision_agrees_with_double() -> None:
    whole = values(reconstruction_measures([(X, RECON)], "images"))
    single = values(reconstruction_measures([(X.float(), RECON.float())], "images"))
    assert single == pytest.approx(whole, rel=1e-5)


def test_vectors_have_errors_of_vectors_only() -> None:
    measures = reconstruction_measures([(X.flatten(1), RECON.flatten(1))], "vectors")
    assert [measure.name for measure in measures] == ["R²", "SSE", "absolute / total"]


def test_what_dark_or_constant_images_do_not_define_is_left_out() -> None:
    black = torch.zeros(3, 1, 4, 4)
    names = values(reconstruction_measures([(black, black + 0.1)], "images"))
    assert names.keys() == {"SSE", "PSNR", "SSIM"}


def test_bad_reconstructions_are_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="`recon` must be finite, got NaN or infinity"):
        reconstruction_measures([(X, RECON * np.nan)], "images")
    for nothing in ([], [(X[:0], X[:0])]):
        with pytest.raises(ValueError, match="`pairs` must hold at least one sample, got none"):
            reconstruction_measures(nothing, "images")
