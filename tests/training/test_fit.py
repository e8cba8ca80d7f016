"""The loop: reproducible, without side effects, and it says what happened."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from laws.cases import FEATURES, METHODS, Case, host
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import Snapshot
from nebulatent.methods.vae import VAE
from nebulatent.terms import Terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit, snapshot
from training.runs import CONFIG, STEPS, data, equal, nvc_ml, whole_run


def test_two_runs_agree_in_every_bit() -> None:
    (first, rows), (second, again) = whole_run(), whole_run()
    assert equal(first, second) and rows == again


@pytest.mark.parametrize("other", ["seed of the noise", "seed of the order", "first weights"])
def test_every_seed_matters(other: str) -> None:
    expected, _ = whole_run()
    method = nvc_ml(1 if other == "first weights" else 0)
    batches = data()
    batches.seed += other == "seed of the order"
    seed = 6 if other == "seed of the noise" else 5
    fit(method, batches, FitConfig(epochs=4, lr=1e-2, seed=seed))
    assert not equal(method.state_dict(), expected)


def test_no_global_random_state_moves() -> None:
    whole_run()  # what it imports for the first time may draw numbers
    torch.manual_seed(99)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    whole_run()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


def test_global_random_state_does_not_reach_a_run() -> None:
    first, _ = whole_run()
    torch.randn(100)
    second, _ = whole_run()
    assert equal(first, second)


def test_history_has_the_averages_of_each_epochs_terms() -> None:
    steps: list[Step] = []
    history = fit(nvc_ml(), data(), CONFIG, on_step=steps.append)
    assert [step.step for step in steps] == list(range(1, CONFIG.epochs * STEPS + 1))
    assert [step.position for step in steps[:STEPS]] == [1, 2, 3, 4]
    assert sum(step.samples for step in steps[:STEPS]) == 30
    assert [row["epoch"] for row in history] == [0.0, 1.0, 2.0, 3.0]
    for epoch, row in enumerate(history):
        seen = [step.terms for step in steps[epoch * STEPS : (epoch + 1) * STEPS]]
        for name in seen[0].values:
            mean = sum(terms.values[name].item() for terms in seen) / STEPS
            assert row[name] == pytest.approx(mean, rel=1e-12)
            assert row[f"weight_{name}"] == seen[0].weights.get(name, 1.0)
        mean = sum(terms.total.item() for terms in seen) / STEPS
        assert row["total"] == pytest.approx(mean, rel=1e-12)
        assert row["score"] == pytest.approx(row["reconstruction"] + row["kl"])
        assert row["lr"] == steps[(epoch + 1) * STEPS - 1].lr


def test_latent_terms_appear_when_the_warm_up_is_over() -> None:
    _, history = whole_run()
    assert ["nebula" in row for row in history] == [False, True, True, True]


def test_each_epoch_is_announced_with_its_row_to_which_one_may_add() -> None:
    rows: list[dict[str, float]] = []

    def on_epoch(row: dict[str, float]) -> None:
        row["accuracy"] = 0.5
        rows.append(row)

    history = fit(nvc_ml(), data(), CONFIG, on_epoch=on_epoch)
    assert history == rows and history[3]["accuracy"] == 0.5


def test_method_is_left_in_eval_mode() -> None:
    method = nvc_ml()
    fit(method, data(), CONFIG)
    assert not any(module.training for module in method.modules())


@pytest.mark.parametrize("case", METHODS, ids=lambda case: case.name)
def test_every_methods_total_goes_down(case: Case) -> None:
    torch.manual_seed(4)
    method, batch = case.build(), case.batch()
    clean = batch.x if batch.y is None else batch.y
    view = None if batch.y is None else (lambda x, generator: x * torch.rand(x.shape).round())
    batches = Batches(clean, batch.label, batch_size=12, view=view)
    history = fit(method, batches, FitConfig(epochs=12, lr=3e-3))
    # A codebook's distances grow at first, because the codes spread.
    term = "reconstruction" if case.name.startswith("VQ-VAE") else "total"
    assert history[-1][term] < history[0][term]
    assert all(parameter.isfinite().all() for parameter in method.parameters())


class Listener(nn.Module):
    """A latent term that notes the epochs it was told of, and the codes it was offered."""

    def __init__(self, ask: bool) -> None:
        super().__init__()
        self.ask, self.epochs, self.codes = ask, [], []

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int) -> None:
        self.epochs.append((epoch, seed))
        if self.ask:
            self.codes.append(snapshot())

    def forward(self, z: Tensor) -> Terms:
        return Terms({"size": z.square().mean()})


def test_modules_are_told_of_epochs_and_get_codes_of_the_clean_samples_in_eval_mode() -> None:
    listener = Listener(ask=True)
    method = VAE(host(), latent_terms=listener)
    label = torch.arange(30)
    x = torch.rand(30, FEATURES)
    batches = Batches(x, label, batch_size=8, view=lambda x, generator: 0 * x)
    fit(method, batches, FitConfig(epochs=2, seed=7, lr=1e-9))
    assert listener.epochs == [(0, 7), (1, 7)]
    z, order = listener.codes[1]
    assert torch.equal(listener.codes[0].label, order)
    assert sorted(order.tolist()) == list(range(30))
    torch.testing.assert_close(listener.codes[0].z, z, rtol=0.1, atol=0.5)


def test_snapshot_is_the_mean_of_the_posterior_and_leaves_the_mode() -> None:
    method, batches = nvc_ml().train(), data()
    codes = snapshot(method, batches, torch.device("cpu"))
    assert isinstance(codes, Snapshot) and method.training and not codes.z.requires_grad
    expected = method.eval().encode(batches.sample(30).x).mean
    torch.testing.assert_close(codes.z, expected)


def test_codes_are_computed_once_for_all_modules_of_an_epoch() -> None:
    first, second = Listener(ask=True), Listener(ask=True)
    method = VAE(host(), latent_terms=nn.Sequential(first))
    method.extra = second
    fit(method, data(), FitConfig(epochs=1))
    assert first.codes[0] is second.codes[0]


@pytest.mark.parametrize("seed", [2**32 - 1, 2**32, 2**40])
def test_every_seed_that_the_options_accept_trains_to_the_end(seed: int) -> None:
    try:
        config = FitConfig(epochs=2, seed=seed)
    except ValueError as error:
        assert "`seed`" in str(error)
        return
    fit(nvc_ml(), data(), config)
