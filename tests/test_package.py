"""What a user meets first: names, version, a light import, options checked without a test hook."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import nebulatent

HEAVY = ("sklearn", "scipy", "matplotlib", "plotly", "lightning_fabric", "tyro")
WRONG_OPTIONS = """
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.methods.nvc_released import ReleasedAnchors

for name, build in {
    "form": lambda: NebulaAnchors(3, 2, form="log1"),
    "start": lambda: AnchorSet(3, 2, start="k-means"),
    "order": lambda: ReleasedAnchors(3, 2, order=0),
}.items():
    try:
        build()
    except ValueError as error:
        if not str(error).startswith(f"`{name}` must be "):
            print(name, error)
    else:
        print(name, "is not checked")
"""


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_loads_neither_plots_nor_engine_nor_scikit_learn() -> None:
    loaded = run("import sys, nebulatent; print(*sys.modules)").split()
    assert "nebulatent" in loaded
    assert not set(HEAVY) & set(loaded)


def test_the_three_line_drop_in_loads_none_of_them_either() -> None:
    code = (
        "import sys, torch; from nebulatent import NebulaAnchors;"
        "NebulaAnchors(3, 2, metric=True)(torch.randn(8, 2)).total.backward(); print(*sys.modules)"
    )
    assert not set(HEAVY) & set(run(code).split())


@pytest.mark.parametrize("name", nebulatent.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(nebulatent, name).__name__ == name


def test_public_names_are_sorted_and_offered_for_completion() -> None:
    assert len(set(nebulatent.__all__)) == len(nebulatent.__all__)
    assert set(nebulatent.__all__) <= set(dir(nebulatent))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nebulatent' has no attribute 'VAEE'"):
        nebulatent.VAEE  # noqa: B018


def test_version_is_that_of_the_distribution() -> None:
    assert nebulatent.__version__ == version("nebulatent")


def test_misspelt_options_are_refused_outside_the_tests() -> None:
    """Here the types are executed; a user has only what the constructors check."""
    assert run(WRONG_OPTIONS) == ""
