"""ONNX round trip: every method and every network says the same outside the library, to 1e-5.

An export costs about a second however small the network, so that all methods share one graph, and
all networks another. Each part of them is the encoder or decoder that `nebulatent export` writes.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from laws.cases import ANCHORS, DECODERS, ENCODERS, FEATURES, LATENT, METHODS
from nebulatent.apps.exports.export_check import (
    BATCHES,
    TOLERANCE,
    Trial,
    decoder_differences,
    encoder_differences,
)
from nebulatent.apps.exports.export_formats import Graph, read_graph, write_graph
from nebulatent.apps.exports.exported import RawDecoder, RawEncoder
from nebulatent.backbones.vectors import MLPDecoder
from nebulatent.data.scaling import Scaling
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Variational
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vae import VAE

BYTES = Scaling("unit", torch.tensor(0.0).double(), torch.tensor(255.0).double())
Method = VAE | CVAE | NVC
Shape = tuple[int, ...]
EXPORTED = [case for case in METHODS if isinstance(case.build(), Method)]


class Case:
    """A method with statistics as after training, and its two graphs."""

    def __init__(self, name: str, method: nn.Module, shape: Shape) -> None:
        assert isinstance(method, VAE | CVAE | NVC)
        self.name, self.shape = name, shape
        self.method: Method = settled(method)
        self.encoder, self.decoder = RawEncoder(method, BYTES), RawDecoder(method, BYTES)
        self.classes = isinstance(method, CVAE)

    def samples(self, x: Tensor) -> Tensor:
        """Samples of the shape of this method's, from rows that are long enough."""
        return x[:, : math.prod(self.shape)].unflatten(1, self.shape)


class Together(nn.Module):
    """The graphs of many cases as one; each takes as many columns of `x` as its samples have."""

    def __init__(self, cases: list[Case]) -> None:
        super().__init__()
        self.cases = cases
        self.parts = nn.ModuleList([part for c in cases for part in (c.encoder, c.decoder)])

    def inputs(self, rows: int) -> dict[str, Tensor]:
        """Bytes, some of them out of range; codes; classes."""
        x = 300 * torch.rand(rows, max(math.prod(case.shape) for case in self.cases)) - 20
        return {"x": x, "z": torch.randn(rows, LATENT), "label": torch.arange(rows) % ANCHORS}

    def forward(self, x: Tensor, z: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Every output of every case, under its name."""
        found = {}
        for case in self.cases:
            encoded = case.encoder(case.samples(x))
            decoded = case.decoder(z, label) if case.classes else case.decoder(z)
            found |= {f"{case.name}/{name}": value for name, value in (encoded | decoded).items()}
        return found


def settled(method: nn.Module) -> nn.Module:
    """The method in eval mode, its running statistics and scales no longer 0 and 1."""
    for module in method.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            assert module.running_mean is not None and module.running_var is not None
            for value in (module.running_mean, module.bias.data):
                value.normal_()
            for value in (module.running_var, module.weight.data):
                value.uniform_(0.5, 2.0)
    return method.eval()


def methods() -> list[Case]:
    """Every method of the law list that `nebulatent export` writes."""
    return [Case(case.name, case.build(), tuple(case.batch().x.shape[1:])) for case in EXPORTED]


def networks() -> list[Case]:
    """Every encoder of the law list as a VAE, with its decoder or, if it has none, a plain one."""
    found, decoders = [], {name: decoder for name, decoder, _ in DECODERS}
    for name, encoder, shape in ENCODERS:
        network = encoder()
        decoder = decoders.pop(name)() if name in decoders else MLPDecoder(LATENT, shape, (8,))
        host = Autoencoder(network, Variational(network.feature_dim, LATENT), decoder)
        found.append(Case(name, VAE(host), shape))
    assert not decoders
    return found


def own_graph(case: Case, outputs: dict[str, Tensor]) -> Graph:
    """A case's own part of what the common graph gave."""
    mark = f"{case.name}/"
    return lambda _: {k.removeprefix(mark): v for k, v in outputs.items() if k.startswith(mark)}


def differences(together: Together, graph: Graph, rows: int) -> Iterable[tuple[str, float]]:
    """Difference of each output of each case on one batch."""
    inputs = together.inputs(rows)
    outputs = graph(inputs)
    for case in together.cases:
        own, x = own_graph(case, outputs), case.samples(inputs["x"])
        trial = Trial(x, inputs["z"], inputs["label"] if case.classes else None)
        encoded = encoder_differences(own, case.method, BYTES, x)
        decoded = decoder_differences(own, case.method, BYTES, trial)
        assert {"mean", "x"} <= encoded.keys() | decoded.keys()
        for name, value in (encoded | decoded).items():
            yield f"{case.name}/{name}", value


@pytest.mark.parametrize("cases", [methods, networks])
def test_onnx_says_what_the_library_says(cases: Callable[[], list[Case]], tmp_path: Path) -> None:
    together, path = Together(cases()).eval(), tmp_path / "all.onnx"
    write_graph(together, together.inputs(3), path, "onnx")
    graph = read_graph(path, "onnx")
    for rows in BATCHES:
        measured = dict(differences(together, graph, rows))
        assert {name.split("/")[0] for name in measured} == {c.name for c in together.cases}
        assert not {name: value for name, value in measured.items() if not value <= TOLERANCE}


class Rivals(nn.Module):
    """Mean code and reconstruction of the methods that the command does not train."""

    def __init__(self) -> None:
        super().__init__()
        self.cases = [case for case in METHODS if case not in EXPORTED]
        self.methods = nn.ModuleList([settled(case.build()) for case in self.cases])

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = {}
        for case, method in zip(self.cases, self.methods, strict=True):
            mean = method.encode(x).mean
            found[f"{case.name}/mean"] = mean
            found[f"{case.name}/x"] = method.decode(mean)
        return found


def test_onnx_says_of_rivals_what_the_library_says(tmp_path: Path) -> None:
    rivals, path = Rivals().eval(), tmp_path / "rivals.onnx"
    assert len(rivals.cases) + len(EXPORTED) == len(METHODS)
    write_graph(rivals, {"x": torch.rand(3, FEATURES)}, path, "onnx")
    graph = read_graph(path, "onnx")
    for rows in BATCHES:
        x = torch.rand(rows, FEATURES)
        expected, found = rivals(x), graph({"x": x})
        for name, value in expected.items():
            size = max(1.0, value.abs().max().item())
            assert (found[name] - value).abs().max() <= TOLERANCE * size, name


def test_no_method_and_no_network_is_left_out() -> None:
    found = {type(part) for case in (*methods(), *networks()) for part in case.method.modules()}
    listed = [case.build() for case in EXPORTED]
    listed += [build() for _, build, _ in (*ENCODERS, *DECODERS)]
    assert {type(part) for module in listed for part in module.modules()} <= found
    assert len(methods()) == len(EXPORTED) and len(networks()) == len(ENCODERS)
