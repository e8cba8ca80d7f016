"""Laws of every method: what it returns, how it differentiates, what it does not depend on."""

import copy

import pytest
import torch
from torch import nn

from laws.cases import METHODS, Case, RowNoise
from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet
from nebulatent.terms import Terms

pytestmark = pytest.mark.usefixtures("float64")
every_method = pytest.mark.parametrize("case", METHODS, ids=lambda case: case.name)


def made(case: Case, device: torch.device) -> tuple[nn.Module, Batch]:
    """The method and its batch on the device of the run."""
    method, batch = case.build().to(device), case.batch()
    return method, batch.apply(lambda part: part.to(device))


def numbers(terms: Terms) -> dict[str, float]:
    """Values of the terms as floats."""
    return {name: value.item() for name, value in terms.values.items()}


@every_method
def test_terms_are_finite_scalars_and_their_weights_name_terms(
    case: Case, device: torch.device
) -> None:
    method, batch = made(case, device)
    terms = method(batch)
    assert "reconstruction" in terms.values
    assert all(v.shape == () and v.isfinite() for v in terms.values.values())
    assert terms.total.shape == ()
    weighted = sum(terms.weights.get(k, 1.0) * v for k, v in numbers(terms).items())
    assert terms.total.item() == pytest.approx(weighted, rel=1e-12)


@every_method
def test_every_parameter_gets_a_finite_gradient(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    method(batch).total.backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@every_method
def test_order_of_rows_does_not_matter(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    rows = torch.randperm(len(batch.x), device=device)
    shuffled = batch.apply(lambda part: part[rows])
    with RowNoise():
        found, expected = numbers(method(shuffled)), numbers(method(batch))
    assert found == pytest.approx(expected, rel=1e-9)


@every_method
def test_single_and_double_precision_agree(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    single = batch.apply(lambda part: part.float() if part.is_floating_point() else part)
    with RowNoise():
        found, expected = copy.deepcopy(method).float()(single), method(batch)
    assert all(value.dtype == torch.float32 for value in found.values.values())
    assert numbers(found) == pytest.approx(numbers(expected), rel=1e-4, abs=1e-5)


@every_method
def test_single_precision_gradients_agree_with_double(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    single = batch.apply(lambda part: part.float() if part.is_floating_point() else part)
    copied = copy.deepcopy(method).float()
    with RowNoise():
        copied(single).total.backward()
        method(batch).total.backward()
    for (name, low), high in zip(copied.named_parameters(), method.parameters(), strict=True):
        assert low.grad is not None and high.grad is not None
        error = (low.grad.double() - high.grad).norm() / (high.grad.norm() + 1e-2)
        assert error < 1e-3, name


@every_method
def test_weights_of_one_model_make_another_the_same(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    method(batch)  # moves the running statistics
    twin = case.build().to(device)
    twin.load_state_dict(method.state_dict())
    with RowNoise():
        assert numbers(twin.eval()(batch)) == numbers(method.eval()(batch))


@every_method
def test_deepcopy_is_equal_and_independent(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    twin = copy.deepcopy(method)
    with RowNoise():
        before = numbers(method.eval()(batch))
        assert numbers(twin.eval()(batch)) == before
        for parameter in twin.parameters():
            parameter.data.add_(1.0)
        assert numbers(method(batch)) == before


@every_method
def test_evaluation_is_deterministic_and_row_by_row(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    method(batch)
    method.eval()
    mean = method.encode(batch.x).mean
    assert torch.equal(method.encode(batch.x).mean, mean)
    torch.testing.assert_close(method.encode(batch.x[3:4]).mean, mean[3:4], rtol=1e-12, atol=1e-12)
    decoded = method.decode(mean, batch.label)
    assert decoded.shape == batch.x.shape
    assert torch.equal(method.decode(mean, batch.label), decoded)


@every_method
def test_decoded_data_lie_where_the_likelihood_says(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    decoded = method.eval().decode(method.encode(batch.x).mean, batch.label)
    if case.name != "VAE gaussian":
        assert 0 <= decoded.min() and decoded.max() <= 1


@every_method
def test_a_step_down_the_gradient_lowers_the_total(case: Case, device: torch.device) -> None:
    method, batch = made(case, device)
    with RowNoise():
        before = method(batch).total
        before.backward()
        norm = sum(p.grad.square().sum() for p in method.parameters() if p.grad is not None)
        for parameter in method.parameters():
            assert parameter.grad is not None
            parameter.data.sub_(1e-5 * parameter.grad / norm.sqrt())
        assert method(batch).total < before


@every_method
def test_repr_names_the_method_and_its_parts(case: Case, device: torch.device) -> None:
    method, _ = made(case, device)
    text = repr(method)
    assert text.startswith(f"{type(method).__name__}(")
    assert "(autoencoder): Autoencoder(" in text
    has_anchors = any(isinstance(module, AnchorSet) for module in method.modules())
    assert ("num_anchors=3, latent_dim=4" in text) == has_anchors
