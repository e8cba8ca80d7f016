"""The recipes by name; a name's file is the name with underscores."""

from importlib import import_module
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from nebulatent.apps.recipes.recipe import Recipe

Name = Literal[
    "nvc-table2",
    "nvc-table9",
    "nvc-fig3",
    "nvc-fig4",
    "nvc-fig5",
    "nvc-density",
    "nvc-consistency",
    "nvc-supervised",
    "nvc-baselines",
    "nvc-table3",
    "nvc-table5",
    "parae-table1",
    "parae-table2",
    "parae-table3",
    "nvc-table4",
    "nvc-table10",
    "switchvae-table1",
    "switchvae-table2",
    "switchvae-table3",
    "switchvae-fig4",
    "switchvae-fig6",
    "switchvae-fig7",
]
NAMES: tuple[Name, ...] = get_args(Name)


def load_recipe(name: Name) -> "Recipe":
    """Import one recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in NAMES:
        raise ValueError(f"`name` must be one of {', '.join(NAMES)}, got {name!r}.")
    return import_module(f"nebulatent.apps.recipes.{name.replace('-', '_')}").RECIPE
