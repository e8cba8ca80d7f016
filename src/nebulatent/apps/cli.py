"""The command line: `nebulatent fit | embed | evaluate | sample | report | inspect | ...`.

Each command is a frozen dataclass whose fields are its options; tyro turns their docstrings into
help. What a command needs it imports when it runs, so that help is quick. A mistake of the caller
ends in one sentence on standard error and a non-zero exit status.
"""

import os
import sys
import warnings
from typing import Annotated

import tyro

from nebulatent.apps.commands.combine import Combine
from nebulatent.apps.commands.complete import Complete
from nebulatent.apps.commands.demo import Demo
from nebulatent.apps.commands.embed import Embed
from nebulatent.apps.commands.evaluate import Evaluate
from nebulatent.apps.commands.export import Export
from nebulatent.apps.commands.fit import Fit
from nebulatent.apps.commands.inspect import Inspect
from nebulatent.apps.commands.prepare import Prepare
from nebulatent.apps.commands.push import Push
from nebulatent.apps.commands.report import Report
from nebulatent.apps.commands.reproduce import Reproduce
from nebulatent.apps.commands.results import Results
from nebulatent.apps.commands.sample import Sample
from nebulatent.apps.commands.search import Search
from nebulatent.apps.commands.walk import Walk
from nebulatent.apps.errors import is_expected, say_warning, sentence

Command = (
    Annotated[Fit, tyro.conf.subcommand(name="fit")]
    | Annotated[Embed, tyro.conf.subcommand(name="embed")]
    | Annotated[Evaluate, tyro.conf.subcommand(name="evaluate")]
    | Annotated[Sample, tyro.conf.subcommand(name="sample")]
    | Annotated[Search, tyro.conf.subcommand(name="search")]
    | Annotated[Walk, tyro.conf.subcommand(name="walk")]
    | Annotated[Combine, tyro.conf.subcommand(name="combine")]
    | Annotated[Complete, tyro.conf.subcommand(name="complete")]
    | Annotated[Report, tyro.conf.subcommand(name="report")]
    | Annotated[Inspect, tyro.conf.subcommand(name="inspect")]
    | Annotated[Export, tyro.conf.subcommand(name="export")]
    | Annotated[Push, tyro.conf.subcommand(name="push")]
    | Annotated[Demo, tyro.conf.subcommand(name="demo")]
    | Annotated[Reproduce, tyro.conf.subcommand(name="reproduce")]
    | Annotated[Results, tyro.conf.subcommand(name="results")]
    | Annotated[Prepare, tyro.conf.subcommand(name="prepare")]
)

DESCRIPTION = (
    "Latent spaces that organise themselves by meaning, without labels. "
    "Start with `nebulatent fit DATA --out RUN`."
)


def main(args: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    try:
        try:
            return _run(args)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output left: `nebulatent fit --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def _run(args: list[str] | None) -> int:
    command = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType]
        prog="nebulatent",
        description=DESCRIPTION,
        args=args,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        with warnings.catch_warnings():
            warnings.showwarning = say_warning
            command.run()
    except KeyboardInterrupt as stop:
        print(f"nebulatent: {stop or 'stopped.'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        if not is_expected(error):
            raise
        print(f"nebulatent: {sentence(error)}", file=sys.stderr)
        return 1
    return 0
