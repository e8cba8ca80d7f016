"""The triplet kernel against Eq. (16) in loops and against autograd through the naive formula."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops import triplets
from nebulatent.ops.triplets import triplet_loss
from nebulatent.typing import Tensor
from oracles.triplets import naive_triplet_loss, triplet_loss_in_loops

KERNELS = {"sorted": 0, "one by one": triplets._FEW}


@pytest.fixture(params=KERNELS, autouse=True, scope="module")
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test runs with both kernels; by size alone small batches would only see one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triplets, "_FEW", KERNELS[request.param])
        yield


Loss = Callable[[Tensor, Tensor], Tensor]


def blobs(codes: int, dims: int, classes: int, apart: float, scale: float, seed: int = 0) -> tuple:
    """Codes in float64 around `classes` centres `apart` times as far as the spread, and labels."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(classes, (codes,), generator=generator)
    noise = torch.randn(codes, dims, generator=generator, dtype=torch.float64)
    centre = torch.randn(classes, dims, generator=generator, dtype=torch.float64)
    return scale * (noise + apart * centre[label]), label


def value_and_gradient(loss: Loss, z: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The scalar and dL/dz."""
    leaf = z.clone().requires_grad_()
    value = loss(leaf, label)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


def assert_naive(z: Tensor, label: Tensor, rel: float = 1e-8) -> None:
    """Value and gradient as autograd through Eq. (16) gives them, relative to their size."""
    found, expected = (value_and_gradient(f, z, label) for f in (triplet_loss, naive_triplet_loss))
    for left, right in zip(found, expected, strict=True):
        assert left.dtype == right.dtype
        assert (left - right).norm() <= rel * right.norm()


@pytest.mark.parametrize("codes", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("dims", [1, 4])
def test_value_is_equation_16_in_loops(codes: int, dims: int) -> None:
    z, label = blobs(codes, dims, 2, 1.0, 1.0)
    expected = triplet_loss_in_loops(z.tolist(), label.tolist())
    assert triplet_loss(z, label).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("codes", [3, 64, 200])
@pytest.mark.parametrize("classes", [1, 2, 10, 128])
@pytest.mark.parametrize("apart", [0.0, 3.0, 30.0], ids=["mixed", "near", "separated"])
def test_value_and_gradient_are_those_of_autograd(codes: int, classes: int, apart: float) -> None:
    assert_naive(*blobs(codes, 10, classes, apart, 1.0))


def test_value_and_gradient_of_256_codes_are_those_of_autograd() -> None:
    assert_naive(*blobs(256, 64, 10, 1.0, 1.0))


@given(
    codes=st.integers(1, 40),
    dims=st.integers(1, 6),
    classes=st.integers(1, 40),
    exponent=st.floats(-3, 3),
    apart=st.floats(0, 10),
    seed=st.integers(0, 999),
)
def test_any_shape_labels_and_scale_agree_with_autograd(
    codes: int, dims: int, classes: int, exponent: float, apart: float, seed: int
) -> None:
    assert_naive(*blobs(codes, dims, classes, apart, 10**exponent, seed))


def test_one_huge_cluster_among_single_points_agrees() -> None:
    z, _ = blobs(120, 3, 1, 0.0, 1.0)
    assert_naive(z, torch.arange(120).clamp(max=20))


def test_negative_and_distant_label_values_agree() -> None:
    z, label = blobs(50, 3, 3, 1.0, 1.0)
    names = torch.tensor([-7, 10**12, 3])
    assert torch.equal(triplet_loss(z, names[label]), triplet_loss(z, label))


def test_coincident_positives_and_negatives_agree() -> None:
    z, label = blobs(60, 2, 3, 0.0, 0.1)
    z[10:30] = z[10]
    assert_naive(z, label)
    assert_naive(torch.cat((z, z + 1e3)), torch.cat((label, label)))


def test_coincident_codes_of_two_clusters_cost_ln_2_without_gradient() -> None:
    value, gradient = value_and_gradient(
        triplet_loss, torch.ones(6, 2), torch.tensor([0, 0, 0, 1, 1, 1])
    )
    torch.testing.assert_close(value, torch.tensor(2.0).log())
    assert not gradient.any()


def test_barely_violated_triplet_keeps_its_relative_accuracy() -> None:
    reach = (1.01 * (1 - 1e-6)) ** 0.5
    z = torch.tensor([[0.0], [1.0], [-reach]], dtype=torch.float64)
    assert_naive(z, torch.tensor([0, 0, 1]), rel=1e-8)


@pytest.mark.parametrize("label", [[0, 0, 0, 0], [0, 1, 2, 3]], ids=["one class", "all alone"])
def test_no_valid_triplet_is_zero_with_zero_gradient(label: list[int]) -> None:
    z, _ = blobs(4, 2, 1, 0.0, 1.0)
    value, gradient = value_and_gradient(triplet_loss, z, torch.tensor(label))
    assert value == 0
    assert not gradient.any()


def test_no_codes_are_zero() -> None:
    assert triplet_loss(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 0


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e9, 1e15])
def test_float32_gives_float32_near_the_float64_value(scale: float) -> None:
    z, label = blobs(100, 5, 4, 1.0, scale)
    z = z.float()
    found = value_and_gradient(triplet_loss, z, label)
    expected = value_and_gradient(naive_triplet_loss, z.double(), label)
    for left, right in zip(found, expected, strict=True):
        assert left.dtype == torch.float32
        assert (left - right).norm() <= 2e-6 * right.norm()


def test_codes_far_from_the_origin_agree() -> None:
    z, label = blobs(60, 3, 4, 1.0, 1.0)
    assert_naive(z + 1e9, label)


def test_coincident_and_very_distant_positives_together_agree() -> None:
    z = 1e12 * torch.tensor([[0.0], [0.0], [1.0], [-1.0], [0.5]], dtype=torch.float64)
    assert_naive(z, torch.tensor([0, 0, 0, 0, 1]))


def test_permuting_the_codes_permutes_the_gradient() -> None:
    z, label = blobs(150, 4, 5, 1.0, 1.0)
    order = torch.randperm(150)
    value, gradient = value_and_gradient(triplet_loss, z, label)
    permuted, rows = value_and_gradient(triplet_loss, z[order], label[order])
    torch.testing.assert_close(permuted, value, rtol=1e-9, atol=0)
    torch.testing.assert_close(rows, gradient[order], rtol=1e-7, atol=1e-12)


def test_gradient_is_the_slope_of_the_value() -> None:
    z, label = blobs(12, 2, 3, 0.0, 1.0)
    assert torch.autograd.gradcheck(lambda z: triplet_loss(z, label), z.requires_grad_())


@pytest.mark.parametrize(("group", "block"), [(5000, 700), (5000, 10**6), (10**6, 700), (1, 1)])
def test_groups_and_blocks_of_rows_agree_with_one(
    monkeypatch: pytest.MonkeyPatch, group: int, block: int
) -> None:
    z, label = blobs(100, 3, 4, 1.0, 1.0)
    whole = value_and_gradient(triplet_loss, z, label)
    monkeypatch.setattr(triplets, "_GROUP", group)
    monkeypatch.setattr(triplets, "_CPU_BLOCK", block)
    parts = value_and_gradient(triplet_loss, z, label)
    torch.testing.assert_close(parts, whole, rtol=1e-10, atol=1e-14)


def test_repeated_calls_are_bit_identical() -> None:
    z, label = blobs(300, 3, 4, 1.0, 1.0)
    first, second = (value_and_gradient(triplet_loss, z, label) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_value_without_gradient_is_the_same() -> None:
    z, label = blobs(30, 3, 4, 1.0, 1.0)
    assert torch.equal(triplet_loss(z, label), triplet_loss(z.requires_grad_(), label))


def test_second_derivative_is_refused() -> None:
    z, label = blobs(9, 2, 2, 0.0, 1.0)
    value = triplet_loss(z.requires_grad_(), label) ** 2
    (gradient,) = torch.autograd.grad(value, z, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("where", [0, 3, 7])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_code_makes_the_loss_non_finite(where: int, bad: float) -> None:
    z, label = blobs(8, 2, 2, 0.0, 1.0)
    z[where, 1] = bad
    assert not triplet_loss(z, label).isfinite()


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_margin_must_be_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="`margin` must be > 0, got"):
        triplet_loss(torch.zeros(3, 2), torch.tensor([0, 0, 1]), margin=margin)


MEMORY = """
import resource, torch
from nebulatent.ops.triplets import triplet_loss
torch.set_num_threads(1)
def step(codes):
    z = torch.randn(codes, 10, requires_grad=True)
    triplet_loss(z, torch.arange(codes) % 10).backward()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
step(4)
start = peak()
for codes in (512, 2048):
    step(codes)
    print(peak() - start)
"""


def test_peak_memory_stays_below_64_and_512_mib() -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=60
    )
    at_512, at_2048 = map(float, run.stdout.split())
    assert at_512 < 64
    assert at_2048 < 512
