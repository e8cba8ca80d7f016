"""What every test shares: one thread, a fixed seed, the precision and the device.

The library is imported by the tests, not here: pytest instruments its shape types first.
"""

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import settings

# A deadline measures the machine, not the code; a fixed choice of examples keeps runs alike.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=25, database=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --device cuda tests/laws` runs the laws on another device."""
    parser.addoption("--device", default="cpu", help="Device of the law tests.")


def pytest_configure() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """Where the law tests put methods and batches."""
    return torch.device(str(request.config.getoption("--device")))


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Every test starts from the same global random state."""
    torch.manual_seed(0)


@pytest.fixture
def float64() -> Iterator[None]:
    """Double precision by default while the test runs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def agree(found: object, expected: object, rel: float = 1e-9) -> None:
    """Compare a tensor (or number) with nested lists of floats, relative to the largest entry."""
    left = torch.as_tensor(found).detach().double()
    right = torch.as_tensor(expected, dtype=torch.float64)
    assert left.shape == right.shape
    scale = right.abs().max().item() if right.numel() else 1.0
    assert math.isfinite(scale)
    torch.testing.assert_close(left, right, rtol=rel, atol=rel * max(scale, 1e-12))


@pytest.fixture(scope="session")
def matches() -> Callable[..., None]:
    """The comparison with an oracle: `matches(found, expected, rel=1e-9)`."""
    return agree
