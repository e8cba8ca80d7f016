"""`nebulatent.load`: a run's method in one line, as it was when it was saved."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from apps.small_run import LATENT, small_run
from nebulatent.apps.runs.load import load


@pytest.mark.parametrize("kind", [str, Path])
def test_a_loaded_method_is_in_eval_mode_and_says_the_same(
    kind: Callable[[Path], str | Path], tmp_path: Path
) -> None:
    run = small_run(tmp_path)
    method = load(kind(run.path))
    assert type(method) is type(run.model) and not method.training
    x, z = torch.randn(4, 5), torch.randn(4, LATENT)
    assert torch.equal(method.encode(x).mean, run.model.encode(x).mean)
    assert torch.equal(method.decode(z), run.model.decode(z))


def test_a_run_that_is_not_there_or_damaged_is_one_sentence(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"`RUN` must be a folder .* without config\.json"):
        load(tmp_path)
    weights = run.path / "weights.safetensors"
    damaged = Path(shutil.copytree(run.path, tmp_path / "damaged")) / weights.name
    damaged.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    with pytest.raises(ValueError, match="checksum"):
        load(damaged.parent)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match="must be a complete run"):
        load(run.path)
