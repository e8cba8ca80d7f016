"""A few seconds of `tests/fuzz/run.py --group meshes`."""

from pathlib import Path

import pytest

from fuzz.guard import within_memory
from fuzz.shapes import SHAPES
from fuzz.trial import OTHER, REFUSED, UNCHANGED, Trials, counted

COUNT = 150


@pytest.mark.parametrize("group", SHAPES, ids=lambda group: group.name)
def test_damaged_shapes_are_read_or_refused_with_one_sentence(group, tmp_path: Path) -> None:  # noqa: ANN001
    trials = Trials(group, tmp_path)
    assert trials.read(trials.content, "undamaged", may_differ=False) == UNCHANGED
    with within_memory(200):
        outcomes, faults = counted(trials, COUNT, seed=0)
    assert not faults, "\n".join(map(str, faults[:5]))
    assert outcomes[REFUSED] > COUNT / 4
    assert outcomes[OTHER] + outcomes[UNCHANGED] > 0, "nothing got past the header"
