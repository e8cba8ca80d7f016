"""`nebulatent demo`: a VAE, NVC and NVC-ML on scikit-learn's handwritten digits, side by side."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Train three models on handwritten digits and write one report about them.

    The 1 797 images ship with scikit-learn; nothing is downloaded. Example:
    nebulatent demo --out runs/demo
    """

    out: Path = Path("runs/demo")
    """Folder of the runs and the report."""
    epochs: int = 40
    """Passes over the data."""
    seeds: int = 3
    """Runs of each model, with seeds 0, 1, ...; the report draws those of seed 0."""
    overwrite: bool = False
    """Replace an existing demo."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Train, measure, report."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.demo_run import Settings, run_demo

        if self.seeds < 1:
            raise ValueError(f"`--seeds` must be at least 1, got {self.seeds}.")
        output = Output(as_json=self.json)
        run_demo(Settings(self.out, self.epochs, self.seeds, self.overwrite), output)
