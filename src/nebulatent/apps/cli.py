"""The command line: `nebulatent fit | embed | evaluate | sample | report | demo`.

Each command is a frozen dataclass whose fields are its options; tyro turns their docstrings into
help. A mistake of the caller ends in one sentence on standard error and a non-zero exit status.
"""

import sys
import warnings
from typing import Annotated

import tyro

from nebulatent.apps.commands.demo import Demo
from nebulatent.apps.commands.embed import Embed
from nebulatent.apps.commands.evaluate import Evaluate
from nebulatent.apps.commands.fit import Fit
from nebulatent.apps.commands.report import Report
from nebulatent.apps.commands.sample import Sample

Command = (
    Annotated[Fit, tyro.conf.subcommand(name="fit")]
    | Annotated[Embed, tyro.conf.subcommand(name="embed")]
    | Annotated[Evaluate, tyro.conf.subcommand(name="evaluate")]
    | Annotated[Sample, tyro.conf.subcommand(name="sample")]
    | Annotated[Report, tyro.conf.subcommand(name="report")]
    | Annotated[Demo, tyro.conf.subcommand(name="demo")]
)

DESCRIPTION = (
    "Latent spaces that organise themselves by meaning, without labels. "
    "Start with `nebulatent fit DATA --out RUN`."
)


def main(args: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    command = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType]
        prog="nebulatent",
        description=DESCRIPTION,
        args=args,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            command.run()
    except KeyboardInterrupt as stop:
        print(f"nebulatent: {stop or 'stopped.'}", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError, ImportError, MemoryError) as error:
        print(f"nebulatent: {_sentence(error)}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        if "allocate memory" not in str(error):  # PyTorch's MemoryError has no class of its own
            raise
        print(f"nebulatent: {_sentence(MemoryError())}", file=sys.stderr)
        return 1
    return 0


def _say_warning(message: Warning | str, *_: object) -> None:
    """A warning as a sentence, without the place in the code."""
    print(f"nebulatent: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _sentence(error: BaseException) -> str:
    """The message of an error on one line; the operating system's errors get the file's name."""
    if isinstance(error, OSError) and error.strerror:
        name = str(error.filename).removesuffix(".part")
        return f"`{name}` could not be used: {error.strerror}."
    if isinstance(error, MemoryError):
        return (
            "The model and a batch must fit in this machine's memory, got a request that does not; "
            "lower --latent-dim, --num-anchors, --batch-size or --count."
        )
    return " ".join(str(error).split())
