"""Parts of a method that learn at another pace than the rest, such as one of two players."""

from typing import Any, Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class Paced(Protocol):
    """A method some of whose parts have a learning rate of their own."""

    def paces(self) -> dict[nn.Module, float]:
        """Factor of the learning rate for the parameters of each part; of others it is 1."""
        ...


def parameter_groups(method: nn.Module) -> list[dict[str, Any]]:
    """Groups of an optimiser's parameters, each with its `pace`.

    Examples:
        >>> [group["pace"] for group in parameter_groups(nn.Linear(2, 2))]
        [1.0]
    """
    paces = method.paces() if isinstance(method, Paced) else {}
    factor = {p: pace for part, pace in paces.items() for p in part.parameters()}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in method.parameters():
        groups.setdefault(factor.get(parameter, 1.0), []).append(parameter)
    return [{"params": parameters, "pace": pace} for pace, parameters in groups.items()]
