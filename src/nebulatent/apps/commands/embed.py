"""`nebulatent embed`: codes of samples, with the nearest anchor and each anchor's probability."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from nebulatent.apps.planning.options import Data, FormByRun, RunFolder, Split

SUFFIXES = (".npz", ".csv", ".parquet")


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Write the code, the nearest anchor and the probability of each anchor for every sample.

    Example: nebulatent embed runs/digits digits --split test --out codes.csv

    Example: nebulatent embed runs/both prepared --form pictures --out codes.npz
    """

    path: RunFolder
    """A complete run."""
    data: Positional[Data]
    """Data of the same shape as the run's."""
    out: Path
    """A .npz, .csv or .parquet file."""
    split: Split = "test"
    """Part to embed, where the data have official parts."""
    form: FormByRun = None
    """What of shapes is encoded, where a run reads both."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Encode and write."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.embedding import embed, write_embedding
        from nebulatent.apps.outputs import check_output, whole_file
        from nebulatent.apps.runs.forms import in_form
        from nebulatent.apps.runs.inputs import read_like
        from nebulatent.apps.runs.runs import load_run

        check_output(self.out, SUFFIXES)
        run = in_form(load_run(self.path), self.form)
        table = read_like(run, self.data, self.split)
        embedding = embed(run, table)
        with whole_file(self.out) as place:
            write_embedding(embedding, place, self.out.suffix)
        output = Output(as_json=self.json)
        output.say(f"{len(table.ids)} codes of {embedding.codes.shape[1]} numbers in {self.out}")
        output.result({"rows": len(table.ids), "out": str(self.out)})
