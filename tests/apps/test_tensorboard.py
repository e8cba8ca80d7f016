"""Events: every value of metrics.jsonl once, also when a run was stopped and went on."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from nebulatent.apps.cli import main
from nebulatent.apps.fitting.tensorboard import EVERY, TensorBoard, require_tensorboard
from nebulatent.apps.runs.runs import TENSORBOARD
from nebulatent.terms import Terms
from nebulatent.training.fit import Step

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard", reason="events need the package tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def step(number: int) -> Step:
    terms = Terms({"kl": torch.tensor(float(number))})
    return Step(number, number // 100, number % 100, 10, terms, 0.001)


def events(path: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(path / TENSORBOARD)).Reload()
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def part(path: Path, first: int, last: int) -> None:
    """Steps `first` to `last` of a run with 100 steps an epoch."""
    log = TensorBoard(path)
    for number in range(first, last + 1):
        log.step(step(number))
        if number % 100 == 0:
            row = {"epoch": number / 100 - 1, "kl": 2.0 * number, "weight_kl": 0.5, "lr": 0.1}
            log.epoch(row)


def test_terms_are_written_now_and_then_and_rows_after_each_epoch(tmp_path: Path) -> None:
    part(tmp_path, 1, 2 * EVERY)
    found = events(tmp_path)
    assert found["steps/kl"] == [(EVERY, EVERY), (2 * EVERY, 2 * EVERY)]
    assert found["terms/kl"] == [(100, 200.0)]
    assert found["weights/kl"] == [(100, 0.5)]
    assert found["run/lr"][0][0] == 100
    assert found["run/samples_per_second"][0][1] > 0
    assert "terms/epoch" not in found


def test_a_run_that_goes_on_shows_no_step_twice(tmp_path: Path) -> None:
    part(tmp_path, 1, 260)  # killed here; its newest checkpoint is of step 149
    part(tmp_path, 150, 300)
    found = events(tmp_path)
    assert [number for number, _ in found["steps/kl"]] == [50, 100, 150, 200, 250, 300]
    assert found["terms/kl"] == [(100, 200.0), (200, 400.0), (300, 600.0)]


def test_a_missing_package_is_a_sentence_and_nothing_is_begun(
    blobs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> object:  # noqa: ANN401
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "nebulatent\[log\]"'):
        require_tensorboard()
    line = ["fit", str(blobs), "--out", str(tmp_path / "run"), "--log", "tensorboard"]
    assert main(line) == 1
    assert "`--log tensorboard` must have the package tensorboard" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
