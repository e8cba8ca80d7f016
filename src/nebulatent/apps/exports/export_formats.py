"""Modules → files of other runtimes, and back as functions: ONNX and PyTorch's exported programs.

The file's first axis is free. Nothing of the machine that wrote it is left inside: the exporters
keep stack traces with the paths of source files, which are removed here.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from nebulatent.apps.exports.export_folder import Format
from nebulatent.typing import Tensor

Graph = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


def check_installed(kind: Format) -> None:
    """Refuse a format whose packages are missing.

    Raises:
        ImportError: If one is.
    """
    if kind == "torch-export":
        return
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(package)
        except ImportError as error:
            raise ImportError(
                f"`--format` onnx must have the package {package}, which is not installed; "
                "run `pip install 'nebulatent[export]'`."
            ) from error


def write_graph(module: nn.Module, inputs: Mapping[str, Tensor], path: Path, kind: Format) -> None:
    """Write a module that returns a dictionary of tensors.

    Arguments:
        module: In eval mode.
        inputs: An example of each argument of its `forward`, in order, with at least 2 rows.
        path: The file.
        kind: Format of the file.
    """
    with _known_noise(), torch.no_grad():
        program = torch.export.export(
            module,
            tuple(inputs.values()),
            dynamic_shapes={name: {0: Dim("batch")} for name in inputs},
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        if kind == "onnx":
            _write_onnx(program, list(inputs), list(module(*inputs.values())), path)
        else:
            torch.export.save(program, path)


def _write_onnx(
    program: ExportedProgram, inputs: list[str], outputs: list[str], path: Path
) -> None:
    first, *others = inputs  # the inputs share one axis, which is named once
    translated = torch.onnx.export(
        program,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes={first: {0: "batch"}} | dict.fromkeys(others),
        dynamo=True,
        verbose=False,
    )
    assert translated is not None  # as `dynamo` always gives a program
    model = translated.model
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
    model.producer_name = "nebulatent"
    translated.save(path)


@contextmanager
def _known_noise() -> Iterator[None]:
    """Silence what PyTorch 2.13 says of itself: a deprecated call, and a package we do without."""
    exporter = logging.getLogger("torch.onnx._internal.exporter._registration")
    exporter.addFilter(_is_news)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)
            yield
    finally:
        exporter.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("torchvision is not installed")


def read_graph(path: Path, kind: Format) -> Graph:
    """A file that `write_graph` has just written, as a function of its named inputs.

    Only for our own files: `torch.export.load` may unpickle what others put into theirs.
    """
    if kind == "onnx":
        return _read_onnx(path)
    program = torch.export.load(path).module()
    return lambda inputs: program(*inputs.values())


def _read_onnx(path: Path) -> Graph:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        arrays = session.run(names, {name: value.numpy() for name, value in inputs.items()})
        return {name: torch.from_numpy(array) for name, array in zip(names, arrays, strict=True)}

    return run
