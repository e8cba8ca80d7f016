"""Types of options, so that help and errors show them as people write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg
from tyro.constructors import PrimitiveConstructorSpec

from nebulatent.apps.planning.view_plan import Form

BY_RULE = "(default: by rule)"
MAX_SEED = 2**31  # scikit-learn's seeds, to which the number of an epoch is added, have 32 bits


def _optional(
    metavar: str, kind: type | tuple[type, ...], convert: Callable[[str], Any]
) -> PrimitiveConstructorSpec:
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: convert(words[0]),
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: ["none" if value is None else str(value)],
    )


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"it must be a whole number, got {word!r}") from None


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"it must be a number, got {word!r}") from None


def _whole_or_auto(word: str) -> int | Literal["auto"]:
    return "auto" if word == "auto" else _whole(word)


Split = Literal["train", "test", "all"]  # of `nebulatent.data.table`, which needs NumPy
Whole = Annotated[int | None, _optional("INT", int, _whole)]
WholeOrAuto = Annotated[
    int | Literal["auto"] | None, _optional("INT|auto", (int, str), _whole_or_auto)
]
Number = Annotated[float | None, _optional("FLOAT", float, _number)]
Folder = Annotated[Path | None, _optional("RUN", Path, Path), arg(help_behavior_hint="")]
Data = Annotated[str, arg(metavar="DATA")]
OldFile = Annotated[Path | None, _optional("FILE", Path, Path), arg(help_behavior_hint="")]
OtherData = Annotated[str | None, _optional("DATA", str, str), arg(help_behavior_hint="")]
NewPicture = Annotated[
    Path | None, _optional("FILE.png", Path, Path), arg(help_behavior_hint="(default: no picture)")
]
SampleNames = Annotated[tuple[str, ...], arg(metavar="SAMPLE ...", help_behavior_hint="")]
FormByRun = Annotated[
    Form | None,
    arg(metavar="{grids,pictures}", help_behavior_hint="(default: what the run reads, else grids)"),
]
RunFolder = Annotated[Positional[Path], arg(metavar="RUN")]
WholeByRule = Annotated[Whole, arg(help_behavior_hint=BY_RULE)]
WholeOrAutoByRule = Annotated[WholeOrAuto, arg(help_behavior_hint=BY_RULE)]
NumberByRule = Annotated[Number, arg(help_behavior_hint=BY_RULE)]
