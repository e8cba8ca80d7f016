"""A run → files that run without this library, compared with the run before they appear."""

import json
from pathlib import Path
from typing import Any

import torch

from nebulatent.apps.exports.export_check import (
    Sample,
    Source,
    Trial,
    check_agreement,
    decoder_differences,
    encoder_differences,
    trials,
    worst,
)
from nebulatent.apps.exports.export_folder import CARD, SUFFIX, Format, check_folder, whole_folder
from nebulatent.apps.exports.export_formats import check_installed, read_graph, write_graph
from nebulatent.apps.exports.exported import RawDecoder, RawEncoder
from nebulatent.apps.exports.model_card import describe
from nebulatent.apps.planning.view_plan import PICTURED
from nebulatent.apps.runs.runs import Run, decoding
from nebulatent.data.scaling import Scaling
from nebulatent.typing import Tensor


def export_run(run: Run, out: Path, kind: Format, *, overwrite: bool = False) -> dict[str, Any]:
    """Write encoder, decoder and card into a folder, which appears whole or not at all.

    Arguments:
        run: A complete run.
        out: A new folder, or with `overwrite` one with an export.
        kind: Format of the files.
        overwrite: Whether to replace an export.

    Returns:
        The card.

    Raises:
        FileExistsError: If the folder holds something that may not be replaced.
        ImportError: If the format needs a package that is missing.
        ValueError: If an exported graph does not agree with the run, or its encoder reads pictures
            of shapes.
    """
    if run.config.model.host == PICTURED:
        raise ValueError(
            "`RUN` must have an encoder of its own samples to be exported, got image-vae, which "
            "reads pictures of them; use switch-vae."
        )
    check_installed(kind)
    check_folder(out, overwrite=overwrite)

    def sample(count: int, generator: torch.Generator) -> Tensor:
        return run.aggregate.sample(0, count, generator)

    method, scaling = decoding(run), run.config.scaling
    graphs = RawEncoder(method, scaling), RawDecoder(method, scaling)
    with whole_folder(out) as folder:
        differences = write_checked(folder, method, scaling, sample, kind)
        card = describe(run, graphs, kind, differences)
        text = json.dumps(card, indent=2, allow_nan=False) + "\n"
        (folder / CARD).write_text(text, encoding="utf-8")
    return card


def write_checked(
    folder: Path, method: Source, scaling: Scaling, sample: Sample, kind: Format
) -> dict[str, dict[str, float]]:
    """Write encoder and decoder of a method, read them back and compare.

    Arguments:
        folder: Where to.
        method: In eval mode.
        scaling: That of its training data.
        sample: Draws codes like those of the training data.
        kind: Format of the files.

    Returns:
        Largest difference of each output of "encoder" and "decoder".

    Raises:
        ValueError: If one does not agree with the method.
    """
    cases = list(trials(method, scaling, sample))
    example = cases[2]  # of three rows: an axis of one row would be taken for a constant
    return {
        "encoder": _write_encoder(folder, method, scaling, cases, example, kind),
        "decoder": _write_decoder(folder, method, scaling, cases, example, kind),
    }


def _write_encoder(
    folder: Path,
    method: Source,
    scaling: Scaling,
    cases: list[Trial],
    example: Trial,
    kind: Format,
) -> dict[str, float]:
    path = folder / f"encoder{SUFFIX[kind]}"
    write_graph(RawEncoder(method, scaling), {"x": example.x}, path, kind)
    graph = read_graph(path, kind)
    found = worst([encoder_differences(graph, method, scaling, case.x) for case in cases])
    check_agreement("encoder", found)
    return found


def _write_decoder(
    folder: Path,
    method: Source,
    scaling: Scaling,
    cases: list[Trial],
    example: Trial,
    kind: Format,
) -> dict[str, float]:
    path = folder / f"decoder{SUFFIX[kind]}"
    write_graph(RawDecoder(method, scaling), example.codes, path, kind)
    graph = read_graph(path, kind)
    found = worst([decoder_differences(graph, method, scaling, case) for case in cases])
    check_agreement("decoder", found)
    return found
