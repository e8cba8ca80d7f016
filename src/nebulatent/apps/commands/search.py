"""`nebulatent search`: the samples that are most like another one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from nebulatent.apps.planning.options import FormByRun, NewPicture, OtherData, RunFolder, Split

if TYPE_CHECKING:
    from nebulatent.apps.collection import Collection
    from nebulatent.apps.searching import Neighbour

SUFFIXES = (".png",)


@dataclass(frozen=True, kw_only=True)
class Search:
    """Find the samples whose codes are nearest to the code of one sample.

    A SAMPLE is a file that holds one sample, or DATA:ID, or an id of the data searched (the number
    of the row where the data name none); for a run that reads pictures of shapes also a folder of
    such. Codes are kept in RUN/search: the second search is quick.

    Example: nebulatent search runs/shapes --like chair.off --out similar.png

    Example: nebulatent search runs/both --like photos/ --out similar.png
    """

    path: RunFolder
    """A complete run."""
    like: Annotated[str, arg(metavar="SAMPLE")]
    """What to look for; a sample of the data is not its own answer."""
    among: OtherData = None
    """Where to search; by default the data that the run was trained on."""
    split: Split = "all"
    """Part to search, where the data have official parts."""
    form: FormByRun = None
    """Whose codes are searched, of shapes that a run reads as both."""
    count: int = 8
    """How many answers."""
    out: NewPicture = None
    """A picture of the sample and of the answers (images, clouds)."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Search, print, draw."""
        from nebulatent.apps.collection import Collection
        from nebulatent.apps.console import Output
        from nebulatent.apps.outputs import check_output
        from nebulatent.apps.runs.forms import in_form
        from nebulatent.apps.runs.runs import load_run
        from nebulatent.apps.searching import code_index, code_of, nearest_samples

        if self.count < 1:
            raise ValueError(f"`--count` must be at least 1, got {self.count}.")
        if self.out is not None:
            check_output(self.out, SUFFIXES)
        run = in_form(load_run(self.path), self.form)
        if self.out is not None and len(run.config.model.shape) == 1:
            raise ValueError("`--out` must be left out for vectors, which have no picture.")
        collection = Collection(run, self.among or run.config.data.path, self.split)
        index = code_index(collection)
        code, row = code_of(collection, index, self.like)
        found = nearest_samples(index, code, self.count, without=row)
        if self.out is not None:
            self._draw(collection, found)
        output = Output(as_json=self.json)
        title = f"{len(found)} of {len(index.ids)} samples nearest to {self.like}"
        rows = [[one.id, f"{one.distance:.4g}"] for one in found]
        output.table(title, ["sample", "distance of codes"], rows)
        output.result(
            {
                "run": str(self.path),
                "like": self.like,
                "among": collection.data,
                "split": self.split,
                "num_samples": len(index.ids),
                "neighbours": [one._asdict() for one in found],
                "out": None if self.out is None else str(self.out),
            }
        )

    def _draw(self, collection: "Collection", found: "list[Neighbour]") -> None:
        import numpy as np
        import torch

        from nebulatent.apps.outputs import whole_file
        from nebulatent.apps.pictures.canvas import to_png
        from nebulatent.apps.pictures.strips import captioned_figure, sample_tiles

        assert self.out is not None
        rows = np.array([one.row for one in found])
        answers = collection.run.config.scaling.apply(torch.as_tensor(collection.table.x[rows]))
        samples = [*collection.take([self.like]), *answers.split(1)]
        captions = [f"{self.like}\nlooked for"]
        captions += [f"{one.id}\n{one.distance:.3g}" for one in found]
        with whole_file(self.out) as place:
            place.write_bytes(to_png(captioned_figure(sample_tiles(samples), captions)))
