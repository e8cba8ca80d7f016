"""Laws of networks and methods of point clouds."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from laws.clouds import (
    CLASSES,
    CLOUD_DECODERS,
    LATENT,
    NETWORKS,
    POINTS,
    ROWS,
    TASKS,
    Network,
    Task,
    batch,
    clouds,
)
from nebulatent.backbones.prediction import Prediction
from nebulatent.data.batch import Batch

pytestmark = pytest.mark.usefixtures("float64")
every_network = pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
every_task = pytest.mark.parametrize("case", TASKS, ids=lambda case: case.name)
every_decoder = pytest.mark.parametrize("build", CLOUD_DECODERS)


def predicted(case: Network, network: nn.Module, x: Tensor) -> Prediction:
    """What a network says, told a category if it wants one."""
    if not case.categories:
        return network(x)
    return network(x, torch.arange(len(x), device=x.device) % case.categories)


@every_network
def test_networks_give_the_sizes_they_announce(case: Network) -> None:
    network, x = case.build(), clouds(case.channels)
    prediction = predicted(case, network, x)
    per = (ROWS, POINTS) if case.scores_points else (ROWS,)
    assert prediction.logits.shape == (*per, network.num_classes)
    assert network.num_classes == CLASSES
    assert prediction.h.shape == (ROWS, network.feature_dim)


@every_network
def test_every_weight_of_a_network_gets_a_finite_gradient(case: Network) -> None:
    network = case.build()
    prediction = predicted(case, network, clouds(case.channels))
    loss = (prediction.logits * torch.randn_like(prediction.logits)).sum()
    (loss + prediction.terms.total).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@every_network
def test_evaluation_is_deterministic_cloud_by_cloud_and_stops_at_the_feature(
    case: Network,
) -> None:
    network, x = case.build(), clouds(case.channels)
    predicted(case, network, x)  # moves the running statistics
    network.eval()
    h = network.features(x)
    assert torch.equal(network.features(x), h)
    torch.testing.assert_close(predicted(case, network, x).h, h)
    torch.testing.assert_close(network.features(x[3:4]), h[3:4])


@every_network
def test_single_precision_agrees_with_double(case: Network) -> None:
    network, x = case.build().eval(), clouds(case.channels)
    found = predicted(case, copy.deepcopy(network).float(), x.float())
    expected = predicted(case, network, x)
    assert found.logits.dtype == torch.float32
    for low, high in zip(found[:2], expected[:2], strict=True):
        assert (low.double() - high).norm() < 1e-4 * (high.norm() + 1)


@every_network
def test_half_precision_trains_and_evaluates_about_as_single_precision_does(
    case: Network,
) -> None:
    network, x = case.build().float(), clouds(case.channels).float()
    with torch.autocast("cpu", torch.bfloat16):
        loss = predicted(case, network, x).logits.float().square().mean()
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    network.eval()
    expected = network.features(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = network.features(x)
    assert (found.float() - expected).norm() < 0.2 * expected.norm()


@every_network
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_flat_clouds_give_finite_scores_and_gradients(case: Network, kept: int) -> None:
    network, x = case.build(), clouds(case.channels)
    x[..., kept:] = 0.25
    prediction = predicted(case, network, x)
    prediction.logits.square().mean().backward()
    assert prediction.logits.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@every_task
def test_terms_are_finite_scalars_and_train_every_weight(case: Task) -> None:
    method = case.build()
    terms = method(batch())
    assert all(value.shape == () and value.isfinite() for value in terms.values.values())
    assert terms.weights.keys() <= terms.values.keys() | {"nebula", "pair", "triplet"}
    terms.total.backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def step(method: nn.Module, one: Batch) -> dict[str, Tensor]:
    """Terms and gradients of one step from a fixed state."""
    torch.manual_seed(1)
    method = copy.deepcopy(method)
    terms = method(one)
    terms.total.backward()
    return {**terms.values, **{n: p.grad for n, p in method.named_parameters()}}


@every_task
def test_labels_reach_supervised_methods_alone(case: Task) -> None:
    method, one = case.build(), batch()
    first = step(method, one)
    other = step(method, one._replace(label=one.label.roll(1)))
    assert all(torch.equal(first[name], other[name]) for name in first) != case.supervised
    if not case.supervised:
        without = step(method, one._replace(label=None))
        assert all(torch.equal(first[name], without[name]) for name in first)


@every_task
def test_a_seed_repeats_a_step_and_saved_weights_make_another_the_same(case: Task) -> None:
    method, one = case.build(), batch()
    method(one)
    twin = case.build()
    twin.load_state_dict(method.state_dict())
    first, second = step(method, one), step(twin, one)
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_task
def test_codes_are_rows_that_do_not_depend_on_the_batch_or_the_order_of_points(
    case: Task,
) -> None:
    method, x = case.build(), clouds()
    method(batch())
    method.eval()
    mean = method.encode(x).mean
    assert mean.shape[0] == ROWS and mean.isfinite().all()
    torch.testing.assert_close(method.encode(x[3:4]).mean, mean[3:4])
    torch.testing.assert_close(method.encode(x[:, torch.randperm(POINTS)]).mean, mean)


@every_decoder
def test_cloud_decoders_train_every_weight(build: Callable[[], nn.Module]) -> None:
    decoder = build()
    recon = decoder(torch.randn(ROWS, LATENT))
    assert recon.shape[0] == ROWS and recon.shape[2] == 3
    (recon * torch.randn_like(recon)).sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
