"""`nebulatent export`: encoder and decoder for other runtimes, with a card."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from nebulatent.apps.exports.export_folder import Format
from nebulatent.apps.planning.options import Folder, RunFolder

IN_RUN = "(default: RUN/onnx or RUN/torch-export)"


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write encoder and decoder as files that run without nebulatent, checked against the run.

    Example: nebulatent export runs/digits --format onnx
    """

    path: RunFolder
    """A complete run."""
    format: Format = "onnx"
    """ONNX, for onnxruntime and browsers, or a program that PyTorch loads without our code."""
    out: Annotated[Folder, arg(metavar="FOLDER", help_behavior_hint=IN_RUN)] = None
    """A new folder for encoder, decoder and model_card.json."""
    overwrite: bool = False
    """Replace an earlier export."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Export, compare and say how close they are."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.exports.export import export_run
        from nebulatent.apps.runs.runs import load_run

        out = self.path / self.format if self.out is None else self.out
        card = export_run(load_run(self.path), out, self.format, overwrite=self.overwrite)
        output = Output(as_json=self.json)
        for part in ("encoder", "decoder"):
            names = ", ".join(port["name"] for port in card[part]["outputs"])
            largest = max(card[part]["largest_difference"].values())
            file = out / card[part]["file"]
            output.say(f"{part}: {file} ({names}); largest difference {largest:.1e}")
        output.say("Give the encoder raw values: scaling is inside. See model_card.json.")
        output.result({"out": str(out), "card": card})
