"""`nebulatent push`: a run to the Hugging Face Hub."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from nebulatent.apps.planning.options import RunFolder


@dataclass(frozen=True, kw_only=True)
class Push:
    """Upload weights, config, metrics and a card to the Hugging Face Hub.

    Never uploaded: checkpoints, data, the folders of this machine. Log in first: hf auth login

    Example: nebulatent push runs/digits someone/digits
    """

    path: RunFolder
    """A complete run."""
    name: Annotated[Positional[str], arg(metavar="NAME")]
    """Repository, like someone/digits; made if it is not there."""
    public: bool = False
    """Let everyone see a repository that is made."""
    report: bool = False
    """Upload report.html, too, which shows samples of the data."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Upload and say where it is."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.exports.hub import push_to_hub

        address = push_to_hub(self.path, self.name, private=not self.public, report=self.report)
        output = Output(as_json=self.json)
        output.say(f"uploaded: {address}")
        output.result({"address": address})
