"""Draws the README's picture: `python docs/make_picture.py RUN DATA OUT.png`."""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from nebulatent.apps.pictures.colours import anchor_names, class_names, group_rows
from nebulatent.apps.pictures.latent_map import project
from nebulatent.apps.pictures.plots import latent_map
from nebulatent.apps.reports.portrait import portray
from nebulatent.apps.runs.inputs import read_like
from nebulatent.apps.runs.runs import load_run


def main(path: str, data: str, out: str) -> None:
    """Draw the codes of a run's test part, by anchor and by label."""
    run = load_run(Path(path))
    shown = portray(run, read_like(run, data, "test"), [])
    projection = project(shown.codes, shown.anchors, seed=0)
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    by_anchor = group_rows(shown.assign, anchor_names(len(shown.anchors)))
    by_label = group_rows(shown.label, class_names(shown.label, shown.label_names))
    latent_map(left, projection.codes, by_anchor, projection.anchors)
    left.set_title("by nearest anchor: what training found")
    latent_map(right, projection.codes, by_label, projection.anchors[:0], named=True)
    right.set_title("by label: what training never saw")
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
