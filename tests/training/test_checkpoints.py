"""The file between two epochs: complete, written at once or not at all, never unpickled."""

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nebulatent.training.checkpoints import (
    FORMAT,
    Progress,
    load_checkpoint,
    load_method,
    load_tensors,
    load_weights,
    save_checkpoint,
    save_tensors,
)
from training.runs import CONFIG, data, equal, nvc_ml

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "empty": torch.zeros(0, 4)}


def adam(method: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimiser of `fit`."""
    return torch.optim.Adam(method.parameters(), lr=CONFIG.lr, fused=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint after two steps, in the way of `fit`."""
    method = nvc_ml()
    optimizer = adam(method)
    method.latent_terms.anchors.warmup_epochs = 0
    for batch in list(data().epoch(0))[:2]:
        optimizer.zero_grad()
        method(batch).total.backward()
        optimizer.step()
    progress = Progress(2, ({"epoch": 0.0, "total": 0.1}, {"epoch": 1.0, "total": 1 / 3}))
    save_checkpoint(tmp_path / "run", method, optimizer, progress)
    return tmp_path / "run"


def test_everything_comes_back(saved: Path, tmp_path: Path) -> None:
    method = nvc_ml(seed=1)
    optimizer = adam(method)
    progress = load_checkpoint(saved, method, optimizer)
    assert progress == Progress(2, ({"epoch": 0.0, "total": 0.1}, {"epoch": 1.0, "total": 1 / 3}))
    state = torch.get_rng_state()
    save_checkpoint(tmp_path / "again", method, optimizer, progress)
    assert torch.equal(state, load_tensors(saved)[0]["generator"])
    assert equal(load_tensors(saved)[0], load_tensors(tmp_path / "again")[0])


def test_tensors_and_header_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", TENSORS, {"note": "ü", "history": [{"a": 1e-300}]})
    tensors, header = load_tensors(tmp_path / "w")
    assert equal(tensors, TENSORS) and tensors["b"].dtype == torch.int64
    assert header["note"] == "ü" and header["history"] == [{"a": 1e-300}]
    assert header["format"] == FORMAT


def test_tensors_that_are_not_contiguous_come_back(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T}
    save_tensors(tmp_path / "w", tensors, {})
    assert equal(load_tensors(tmp_path / "w")[0], tensors)


def test_file_is_plain_safetensors_that_others_may_read(saved: Path) -> None:
    with safe_open(saved, framework="pt") as file:
        assert json.loads(file.metadata()["nebulatent"])["epoch"] == 2
        assert "method.latent_terms.anchors.positions" in file.keys()
    assert saved.stat().st_mode & 0o777 == 0o644


def test_saving_replaces_what_was_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"old")
    save_tensors(tmp_path / "w", TENSORS, {})
    assert equal(load_tensors(tmp_path / "w")[0], TENSORS)
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        save_tensors(tmp_path / "nowhere" / "w", TENSORS, {})
    assert not list(tmp_path.iterdir())


def test_place_that_cannot_be_replaced_leaves_no_partial_file(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(OSError):
        save_tensors(tmp_path / "w", TENSORS, {})
    assert [path.name for path in tmp_path.rglob("*")] == ["w"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Nobody can write a file of more than `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_leaves_the_previous_checkpoint_and_no_partial_file(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", TENSORS, {"epoch": 1})
    with full_disk(2000), pytest.raises(Exception, match="too large"):
        save_tensors(tmp_path / "w", {"a": torch.zeros(10_000)}, {"epoch": 2})
    assert load_tensors(tmp_path / "w")[1]["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_full_disk_is_an_os_error(tmp_path: Path) -> None:
    with full_disk(2000), pytest.raises(OSError):
        save_tensors(tmp_path / "w", {"a": torch.zeros(10_000)}, {})


def test_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must be a file with weights, got no such file"):
        load_tensors(tmp_path / "w")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop("latent_terms.anchors.positions"), "`latent_terms.anchors.positions` mis"),
        (lambda w: w.update(more=torch.zeros(1)), "got `more` unknown"),
        (
            lambda w: w.update({"latent_terms.anchors.positions": torch.zeros(4, 4)}),
            "`latent_terms.anchors.positions` of another shape",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(
    change: Callable[[dict], object], sentence: str
) -> None:
    method, other = nvc_ml(), nvc_ml(seed=1).state_dict()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    change(other)
    with pytest.raises(ValueError, match=f"The weights in `w` must fit .*{sentence}.*\\.$"):
        load_weights(method, other, "w")
    assert equal(method.state_dict(), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    method, other = nvc_ml(), nvc_ml(seed=1).state_dict()
    other["latent_terms.anchors.positions"][1, 2] = value
    with pytest.raises(ValueError, match=r"in `w` must be finite, .* in `latent_terms.anchors.pos"):
        load_weights(method, other, "w")


def test_weights_of_a_checkpoint_load_without_optimiser_or_random_state(saved: Path) -> None:
    method, twin = nvc_ml(seed=1), nvc_ml(seed=2)
    state = torch.get_rng_state()
    assert load_method(saved, method).epoch == 2
    assert torch.equal(torch.get_rng_state(), state)
    load_checkpoint(saved, twin, adam(twin))
    assert equal(method.state_dict(), twin.state_dict())


def test_weights_alone_are_no_checkpoint(tmp_path: Path) -> None:
    method = nvc_ml()
    save_tensors(tmp_path / "w", method.state_dict(), {})
    with pytest.raises(ValueError, match=r"must be a checkpoint, got a file without a history\."):
        load_checkpoint(tmp_path / "w", method, adam(method))


def test_newer_format_is_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", TENSORS, {"format": FORMAT + 1})
    with pytest.raises(ValueError, match=r"must be of format 1 or older, got 2; install a newer"):
        load_tensors(tmp_path / "w")


@pytest.mark.parametrize("header", [None, "[1]", '{"format": "1"}'])
def test_file_of_another_program_is_refused(header: str | None, tmp_path: Path) -> None:
    metadata = None if header is None else {"nebulatent": header}
    save_file({"a": torch.zeros(3)}, tmp_path / "w", metadata=metadata)
    with pytest.raises(ValueError, match=r"must be written by nebulatent, got another program's"):
        load_tensors(tmp_path / "w")


class Trap:
    """An object whose unpickling runs code."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("a file was unpickled",))


def test_pickled_file_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    torch.save({"a": Trap()}, tmp_path / "w")
    with pytest.raises(ValueError, match=r"must be an undamaged safetensors file, got: .*\.$"):
        load_tensors(tmp_path / "w")
