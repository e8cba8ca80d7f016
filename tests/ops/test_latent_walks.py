"""Walks against the trigonometry they are: ends to the bit, lengths, angles, hostile pairs."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.latent_walks import (
    direction,
    interpolate,
    interpolate_spherically,
    move_along,
    traverse,
)

Matches = Callable[..., None]
T = torch.linspace(0, 1, 5)
seeds = st.integers(0, 2**31 - 1)


def pairs(seed: int, latent: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three pairs of codes and a centre."""
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 3, latent, generator=generator)
    return a, b, torch.randn(latent, generator=generator)


def arc(a: list[float], b: list[float], t: float, centre: list[float]) -> list[float]:
    """One point of one arc, by the angle's cosine."""
    u, v = ([x - c for x, c in zip(code, centre, strict=True)] for code in (a, b))
    start, end = math.dist(a, centre), math.dist(b, centre)
    angle = math.acos(sum(x * y for x, y in zip(u, v, strict=True)) / (start * end))
    before, after = math.sin((1 - t) * angle) / start, math.sin(t * angle) / end
    scale = ((1 - t) * start + t * end) / math.sin(angle)
    rows = zip(u, v, centre, strict=True)
    return [c + scale * (before * x + after * y) for x, y, c in rows]


@given(seeds)
def test_an_arc_matches_the_oracle(seed: int) -> None:
    a, b, centre = (x.double() for x in pairs(seed))
    found = interpolate_spherically(a, b, T, centre)
    expected = [
        [arc(x, y, t, centre.tolist()) for t in T.tolist()]
        for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected).double(), rtol=1e-6, atol=1e-6)


@given(seeds)
def test_both_ends_are_the_codes_to_the_bit(seed: int) -> None:
    a, b, centre = pairs(seed)
    for path in (interpolate(a, b, T), interpolate_spherically(a, b, T, centre)):
        assert torch.equal(path[:, 0], a)
        assert torch.equal(path[:, -1], b)


def test_a_straight_line_has_even_steps(matches: Matches) -> None:
    a, b, _ = pairs(0)
    steps = interpolate(a, b, T).diff(dim=1)
    matches(steps, ((b - a) / 4).unsqueeze(1).expand_as(steps).tolist(), 1e-6)


def test_an_arc_turns_evenly_and_keeps_the_length_of_equals() -> None:
    a, b, centre = pairs(1)
    unit = [centre + (x - centre) / (x - centre).norm(dim=1, keepdim=True) for x in (a, b)]
    path = interpolate_spherically(*unit, T, centre) - centre
    torch.testing.assert_close(path.norm(dim=2), torch.ones(3, 5))
    turns = (path[:, 1:] * path[:, :-1]).sum(2)
    torch.testing.assert_close(turns, turns[:, :1].expand_as(turns))


def test_the_length_on_an_arc_stays_between_its_ends_even_when_nearly_opposite() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[-3.0, 0.02]])
    length = interpolate_spherically(a, b, T, torch.zeros(2)).norm(dim=2)[0]
    torch.testing.assert_close(length, 1 + 2 * T, rtol=1e-4, atol=1e-4)


def test_an_arc_without_an_angle_is_a_straight_line() -> None:
    centre = torch.tensor([1.0, 2.0])
    a = torch.tensor([[1.0, 2.0], [2.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    b = torch.tensor([[4.0, 6.0], [3.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    path = interpolate_spherically(a, b, T, centre)
    assert torch.equal(path, interpolate(a, b, T))


def test_impossible_arcs_are_refused() -> None:
    a, zero = torch.tensor([[1.0, 2.0]]), torch.zeros(2)
    with pytest.raises(ValueError, match="must not lie opposite"):
        interpolate_spherically(a, -2 * a, T, zero)
    with pytest.raises(ValueError, match=r"`t` must lie in 0\.\.1"):
        interpolate_spherically(a, a + 1, torch.tensor([1.5]), zero)
    with pytest.raises(ValueError, match=r"`t` must lie in 0\.\.1"):
        interpolate_spherically(a, a + 1, torch.tensor([math.nan]), zero)


def test_a_traversal_changes_one_component_and_no_code() -> None:
    z, values = torch.randn(3, 4), torch.tensor([-1.0, 0.5])
    before, path = z.clone(), traverse(z, 2, values)
    assert torch.equal(path[:, :, 2], values.expand(3, 2))
    others = [0, 1, 3]
    assert torch.equal(path[:, :, others], z[:, others].unsqueeze(1).expand(3, 2, 3))
    assert torch.equal(z, before)
    for dimension in (-1, 4):
        with pytest.raises(ValueError, match=rf"must lie in 0\.\.3, got {dimension}"):
            traverse(z, dimension, values)


def test_a_direction_moves_one_mean_onto_the_other(matches: Matches) -> None:
    present, absent = torch.randn(5, 3).double() + 4, torch.randn(2, 3).double()
    step = direction(present, absent)
    moved = move_along(absent, step, torch.tensor([0.0, 1.0]).double())
    assert torch.equal(moved[:, 0], absent)
    matches(moved[:, 1].mean(0), present.mean(0).tolist())
    mean = [
        [sum(column) / len(group) for column in zip(*group.tolist(), strict=True)]
        for group in (present, absent)
    ]
    matches(step, [x - y for x, y in zip(*mean, strict=True)])
    for groups in ((present, absent[:0]), (present[:0], absent)):
        with pytest.raises(ValueError, match="must have at least one code, got none"):
            direction(*groups)
