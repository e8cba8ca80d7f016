"""Whatever happened to a checkpoint, reading it is a sentence and never wrong numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from laws.cases import FEATURES
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import (
    Progress,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)

Tensors = dict[str, torch.Tensor]


def small() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A linear autoencoder after one step, so that every part of a checkpoint is there."""
    torch.manual_seed(0)
    method = VAE(Autoencoder(nn.Flatten(), Deterministic(FEATURES, 2), nn.Linear(2, FEATURES)))
    optimizer = torch.optim.Adam(method.parameters(), fused=True)
    method.autoencoder(torch.rand(3, FEATURES)).recon.sum().backward()
    optimizer.step()
    return method, optimizer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undamaged checkpoint."""
    path = tmp_path_factory.mktemp("damage") / "run"
    save_checkpoint(path, *small(), Progress(1, ({"epoch": 0.0, "total": 1.5},)))
    return path


def is_sentence(error: BaseException) -> bool:
    """Whether the message names the file, is one line and ends."""
    text = str(error)
    return "`" in text and "must" in text and "\n" not in text and text.endswith(".")


def refused(path: Path) -> bool:
    """Whether reading fails with a sentence; any other error fails the test."""
    method, optimizer = small()
    state = torch.get_rng_state()
    try:
        load_checkpoint(path, method, optimizer)
        method.autoencoder(torch.rand(3, FEATURES)).recon.sum().backward()
        optimizer.step()
    except ValueError as error:
        assert is_sentence(error), error
        return True
    finally:
        torch.set_rng_state(state)
    return False


def damaged(checkpoint: Path, content: bytes) -> Path:
    """A file with this content beside the checkpoint."""
    path = checkpoint.with_name("damaged")
    path.write_bytes(content)
    return path


def test_undamaged_checkpoint_is_not_refused(checkpoint: Path) -> None:
    assert not refused(checkpoint)


@settings(max_examples=40)
@given(st.floats(0, 1, exclude_max=True))
def test_truncated_checkpoint_is_refused(checkpoint: Path, share: float) -> None:
    content = checkpoint.read_bytes()
    assert refused(damaged(checkpoint, content[: int(share * len(content))]))


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=50))
def test_checkpoint_with_something_after_it_is_refused(checkpoint: Path, tail: bytes) -> None:
    assert refused(damaged(checkpoint, checkpoint.read_bytes() + tail))


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_other_file_is_refused(checkpoint: Path, content: bytes) -> None:
    assert refused(damaged(checkpoint, content))


@settings(max_examples=100)
@given(st.integers(0, 2**20), st.integers(1, 255))
def test_any_changed_byte_is_noticed(checkpoint: Path, place: int, change: int) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[place % len(content)] ^= change
    assert refused(damaged(checkpoint, bytes(content)))


def test_changed_weight_is_noticed(checkpoint: Path) -> None:
    """The last bytes are the random state or a weight: no structure is hurt."""
    content = bytearray(checkpoint.read_bytes())
    content[-3] ^= 64
    assert refused(damaged(checkpoint, bytes(content)))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("generator"),
        lambda tensors: tensors.pop("method.autoencoder.decoder.weight"),
        lambda tensors: tensors.pop("optimizer.0.exp_avg"),
        lambda tensors: tensors.update({"optimizer.0.exp_avg": torch.zeros(7)}),
        lambda tensors: tensors.update(generator=torch.zeros(5, dtype=torch.uint8)),
        lambda tensors: tensors.update({"method.autoencoder.decoder.weight": torch.zeros(1)}),
    ],
)
def test_checkpoint_with_wrong_parts_is_refused(
    checkpoint: Path, change: Callable[[Tensors], object]
) -> None:
    tensors, header = load_tensors(checkpoint)
    change(tensors)
    path = checkpoint.with_name("damaged")
    save_tensors(path, tensors, header)
    assert refused(path)


@pytest.mark.parametrize("header", [{"epoch": "two"}, {"history": 3}])
def test_checkpoint_with_a_wrong_header_is_refused(checkpoint: Path, header: dict) -> None:
    tensors, good = load_tensors(checkpoint)
    path = checkpoint.with_name("damaged")
    save_tensors(path, tensors, good | header)
    assert refused(path)
