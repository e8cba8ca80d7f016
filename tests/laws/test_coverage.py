"""No public module escapes the laws by being forgotten."""

import importlib
import pkgutil
from collections.abc import Iterator

from torch import nn

import nebulatent
from laws.cases import (
    DECODERS,
    ENCODERS,
    LIKELIHOODS,
    METHODS,
    adversarial,
    consistent,
    partly_fixed,
)
from laws.clouds import built as built_of_clouds


def public_modules() -> Iterator[type[nn.Module]]:
    """Every public class of the package that is a torch module."""
    for info in pkgutil.walk_packages(nebulatent.__path__, "nebulatent."):
        if info.name.startswith("nebulatent.apps."):
            continue  # the graphs of an export, which the law of exports covers
        for name, item in vars(importlib.import_module(info.name)).items():
            own = isinstance(item, type) and item.__module__ == info.name
            if own and issubclass(item, nn.Module) and not name.startswith("_"):
                yield item


def covered() -> set[type[nn.Module]]:
    """The classes that the cases build."""
    parts = [consistent(), adversarial(), partly_fixed(), *(case.build() for case in METHODS)]
    parts += [build() for _, build in LIKELIHOODS] + built_of_clouds()
    parts += [build() for _, build, _ in (*ENCODERS, *DECODERS)]
    return {type(module) for part in parts for module in part.modules()}


def test_every_public_module_is_built_by_a_case() -> None:
    found = set(public_modules())
    assert len(found) >= 16
    assert found <= covered()


def test_names_of_cases_are_distinct() -> None:
    names = [case.name for case in METHODS]
    assert len(set(names)) == len(names)
