"""Compiling, half precision, deterministic mode, accumulation: the same numbers, also resumed."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from laws.cases import host, vectors
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vae import VAE
from nebulatent.terms import Terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit
from training.runs import CONFIG, STEPS, History, State, Stop, data, equal, every, nvc_ml

# In an interpreter of its own: the shape types of the tests would become part of the graphs.
COMPILED = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from nebulatent.data.batch import Batches
from nebulatent.training.fit import fit
from training.runs import CONFIG, STEPS, Stop, data, equal, every, nvc_ml

compile_with = torch.compile

def without_compiler(method, **asked):
    return compile_with(method, **asked | {"backend": "aot_eager", "options": None})

torch.compile = without_compiler
graphs = torch._dynamo.utils.counters["stats"]
batches = Batches(data().x.double(), batch_size=8, seed=2)

def run(compile, saving=None, crash_at=-1, seed=0):
    def crash(step):
        if step.step == crash_at:
            raise Stop
    method, config = nvc_ml(seed).double(), replace(CONFIG, epochs=2, compile=compile)
    return fit(method, batches, config, saving=saving, on_step=crash), method.state_dict()

expected, weights = run(compile=False)
assert not graphs["unique_graphs"]
rows, found = run(compile=True)
assert graphs["unique_graphs"] and "triplet" in rows[-1]
for row, other in zip(rows, expected, strict=True):
    assert row.keys() == other.keys()
    assert all(abs(row[key] - value) <= 1e-9 * abs(value) for key, value in other.items())
for name, value in weights.items():
    torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)

saving = every(3, Path(sys.argv[1]))
try:
    run(True, saving, crash_at=STEPS + 1)
except Stop:
    resumed, again = run(True, saving, seed=3)
    assert resumed == rows and equal(again, found)
    print("agree")
"""


def test_compiled_training_reaches_the_numbers_of_eager_and_is_resumed(tmp_path: Path) -> None:
    """Through a warm-up, the placing of the anchors and batches of two sizes, in float64."""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": tests, "CC": "/no/compiler", "CXX": "/no/compiler"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "agree", done.stderr


RESUMED_COMPILED = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from laws.cases import host
from nebulatent.methods.vae import VAE
from nebulatent.training.fit import fit
from training.runs import CONFIG, STEPS, Stop, data, equal, every

def run(compile=True, saving=None, crash_at=-1):
    def crash(step):
        if step.step == crash_at:
            raise Stop
    torch._dynamo.reset()
    torch.manual_seed(0)
    method, config = VAE(host()), replace(CONFIG, epochs=2, compile=compile)
    return fit(method, data(), config, saving=saving, on_step=crash), method.state_dict()

rows, weights = run()
saving = every(1, Path(sys.argv[1]))
try:
    run(saving=saving, crash_at=STEPS - 1)  # goes on with a batch of another size
except Stop:
    resumed, again = run(saving=saving)
    assert resumed == rows and equal(again, weights)
    for row, other in zip(rows, run(compile=False)[0], strict=True):
        assert abs(row["total"] - other["total"]) < 1e-4  # the noise is the same, too
    print("agree")
"""


@pytest.mark.skipif(not shutil.which("g++"), reason="`torch.compile` needs a C++ compiler.")
def test_compiled_run_is_resumed_in_every_bit(tmp_path: Path) -> None:
    """The compiler makes other code for each size of batch, whichever comes first."""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", RESUMED_COMPILED, str(tmp_path)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "agree", done.stderr


def outcome(
    config: FitConfig = CONFIG,
    folder: Path | None = None,
    *,
    precision: str = "32-true",
    crash_at: int = -1,
    seed: int = 0,
) -> tuple[State, History]:
    """Weights and history of a run, which crashes after a step or goes on from a checkpoint."""

    def crash(step: Step) -> None:
        if step.step == crash_at:
            raise Stop

    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # pyright: ignore[reportArgumentType]
    method, saving = nvc_ml(seed), None if folder is None else every(1, folder)
    rows = fit(method, data(), config, fabric=fabric, saving=saving, on_step=crash)
    return method.state_dict(), rows


def assert_resumed(config: FitConfig, folder: Path, at: int, **options: str) -> None:
    """A run that crashes after step `at` ends as if it had not."""
    expected, rows = outcome(config, **options)
    with pytest.raises(Stop):
        outcome(config, folder, crash_at=at, **options)
    found, resumed = outcome(config, folder, seed=3, **options)
    assert resumed == rows and equal(found, expected)


def test_bfloat16_trains_weights_of_32_bits_nearly_as_32_bits_do() -> None:
    batches, ends, scores = Batches(vectors().x, batch_size=12), [], []
    for precision in ("bf16-mixed", "32-true"):
        torch.manual_seed(0)
        method, fabric = VAE(host()), Fabric(accelerator="cpu", devices=1, precision=precision)
        rows = fit(method, batches, FitConfig(epochs=30, lr=1e-2), fabric=fabric)
        assert rows[-1]["score"] < 0.9 * rows[0]["score"]
        scores.append(rows[-1]["score"])
        ends.append(method.state_dict())
    low, exact = ends
    assert all(low[name].dtype == value.dtype for name, value in exact.items())
    assert not equal(low, exact) and scores[0] == pytest.approx(scores[1], rel=0.02)


def test_bfloat16_is_the_same_each_time() -> None:
    (first, rows), (second, again) = (outcome(precision="bf16-mixed") for _ in range(2))
    assert rows == again and equal(first, second)


@pytest.mark.parametrize("at", [3, STEPS + 2, 3 * STEPS + 1])
def test_bfloat16_is_resumed_in_every_bit(tmp_path: Path, at: int) -> None:
    assert_resumed(CONFIG, tmp_path, at, precision="bf16-mixed")


DETERMINISTIC = replace(CONFIG, deterministic=True)


def test_deterministic_run_is_the_same_each_time_and_resumed(tmp_path: Path) -> None:
    (first, rows), (second, again) = (outcome(DETERMINISTIC) for _ in range(2))
    assert rows == again and equal(first, second)
    assert_resumed(DETERMINISTIC, tmp_path, STEPS + 2)


class Scatter(nn.Module):
    """A method whose sum depends on the order in which a device writes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch: Batch) -> Terms:
        places = torch.zeros(len(batch.x), dtype=torch.long)
        return Terms({"last": torch.zeros(1).put(places, self.weight * batch.x[:, 0]).sum()})


def test_deterministic_mode_refuses_an_operation_without_an_order_and_is_put_back() -> None:
    fit(Scatter(), data(), replace(CONFIG, epochs=1))
    with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
        fit(Scatter(), data(), replace(CONFIG, epochs=1, deterministic=True))
    assert not torch.are_deterministic_algorithms_enabled()


class Mean(nn.Module):
    """A method of one weight, whose gradient is the mean of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Terms:
        return Terms({"mean": (self.weight * batch.x).mean()})


def test_batches_that_are_left_over_count_as_much_as_they_are() -> None:
    """Five batches in groups of two: the last step's gradient is that of the fifth alone."""
    batches = Batches(torch.tensor([[1.0], [2.0], [4.0], [8.0], [16.0]]), batch_size=1, seed=4)
    method, seen, lrs = Mean(), [], []

    def look(step: Step) -> None:
        assert method.weight.grad is not None
        seen.append((step.position, step.samples, method.weight.grad.item()))
        lrs.append(step.lr)

    config = FitConfig(epochs=1, accumulate=2, decay=1.0, lr=0.3)
    fit(method, batches, config, on_step=look)
    a, b, c, d, e = (batch.x.item() for batch in batches.epoch(0))
    assert seen == [(2, 2, (a + b) / 2), (4, 2, (c + d) / 2), (5, 1, e)]
    assert lrs == pytest.approx([0.3, 0.2, 0.1])  # a schedule of three steps, not of five


GROUPS = replace(CONFIG, accumulate=3)  # of four batches: a step of three and a step of one


@pytest.mark.parametrize("at", [2, 3, 5, 6])
def test_accumulation_is_resumed_after_a_whole_group_and_after_a_leftover(
    tmp_path: Path, at: int
) -> None:
    assert_resumed(GROUPS, tmp_path, at)


class Crashing(nn.Module):
    """NVC-ML that fails at a batch, as when the power goes."""

    def __init__(self, method: NVC, at: int) -> None:
        super().__init__()
        self.method, self.at, self.count = method, at, 0
        self.encode = method.encode

    def forward(self, batch: Batch) -> Terms:
        self.count += 1
        if self.count == self.at:
            raise Stop
        return self.method(batch)


@pytest.mark.parametrize("at", [STEPS + 2, 2 * STEPS + 3])
def test_run_that_ends_inside_a_group_begins_the_group_again(tmp_path: Path, at: int) -> None:
    expected = Crashing(nvc_ml(), at=-1)
    rows = fit(expected, data(), GROUPS)
    saving = every(1, tmp_path)
    with pytest.raises(Stop):
        fit(Crashing(nvc_ml(), at), data(), GROUPS, saving=saving)
    resumed, positions = Crashing(nvc_ml(seed=3), at=-1), []
    found = fit(
        resumed, data(), GROUPS, saving=saving, on_step=lambda s: positions.append(s.position)
    )
    assert positions[0] == 3  # the first step of an epoch, its three batches taken again
    assert found == rows and equal(resumed.state_dict(), expected.state_dict())
