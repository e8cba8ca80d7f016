"""Two processes that share a batch compute what one process computes of the whole batch."""

import multiprocessing
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from training import shared


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable, int], Path]:
    """Runs a job in some processes; returns the folder into which they wrote."""
    context = multiprocessing.get_context("spawn")

    def run(job: Callable, count: int) -> Path:
        folder = tmp_path_factory.mktemp(job.__name__)
        processes = [
            context.Process(target=shared.join_and, args=(job, rank, count, folder))
            for rank in range(count)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0] * count
        return folder

    return run


def assert_close(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    """All values agree to 1e-5 of the largest of their kind."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        size = max(1e-3, float(np.abs(value).max()))
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5 * size, err_msg=name)


@pytest.mark.parametrize("count", [2, 3])
def test_terms_and_gradients_are_those_of_the_whole_batch(
    together: Callable[[Callable, int], Path], count: int
) -> None:
    """256 codes in two equal parts, and in three that are not; anchors get gradients too."""
    folder = together(shared.gradients_of_part, count)
    for term in shared.TERMS:
        expected = shared.one_process_gradients(term)
        assert ("nebula.anchors.positions" in expected) == (term == "nebula")
        for rank in range(count):
            assert_close(np.load(folder / f"{term}-{rank}.npz"), expected)


def test_training_is_that_of_one_process(
    together: Callable[[Callable, int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole loop: order of the data, placing of the anchors, averages of the history."""
    folder = together(shared.train_part, 2)
    expected, rate = shared.train(None)
    parts = [dict(np.load(folder / f"fit-{rank}.npz")) for rank in range(2)]
    rates = [float(part.pop("samples_per_second")) for part in parts]
    for name, value in parts[0].items():
        assert np.array_equal(value, parts[1][name]), f"{name} differs between the processes"
    for name, value in expected.items():
        np.testing.assert_allclose(parts[0][name], value, rtol=2e-3, atol=2e-4, err_msg=name)
    with capsys.disabled():
        print(f"\n  1 process: {rate:.0f} samples/s; 2 processes: {min(rates):.0f} samples/s")
