"""What a linear classifier reads off a run's codes, beside what it reads off other features.

The classifier learns from one file and is tested on another; its strength is chosen on the first
(:mod:`nebulatent.evaluation.svm`). Beside the codes stand, trained and tested alike: the codes of
the same network before training, a description made by hand (of clouds the distribution of their
distances, of images and vectors their values or 256 principal components of them), and the answer
that is always the most frequent class. The codes never saw a label.
"""

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.assess import Assessment, Evaluated
from nebulatent.apps.runs.inputs import read_like, samples, with_label_names
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.encode import Encoder, chunks, encode
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.probes import MAX_TRAIN
from nebulatent.evaluation.svm import svm_accuracy, svm_measures

MAX_VALUES = 256  # of a description by hand


def probe_data(run: Run, data: str, split: Split, train: str | None) -> Evaluated:
    """Labelled data to test on and to learn from.

    Arguments:
        run: The run.
        data: What to test on.
        split: Which part of it.
        train: What to learn from, its training part; None is the training part of `data`.

    Raises:
        ValueError: If either has no labels, or both are the same samples.
    """
    tested = read_like(run, data, split)
    learned = read_like(run, data if train is None else train, "train")
    for name, table in (("DATA", tested), ("--train", learned)):
        if table.label is None:
            raise ValueError(f"`{name}` must have labels for a probe, got none.")
    if tested.fingerprint == learned.fingerprint:
        got = f"`{data}` twice" if train else f"`{data}`, which has no parts, alone"
        raise ValueError(
            f"`--train` must be other samples than DATA, got {got}; give a file to learn from."
        )
    names = sorted({*tested.label_names, *learned.label_names})
    return Evaluated(with_label_names(tested, names), with_label_names(learned, names))


def probe_run(run: Run, data: Evaluated, *, baselines: bool = True) -> Assessment:
    """Accuracy of a linear SVM on the codes of a run, and on each baseline.

    Raises:
        ValueError: If there is nothing to learn from, or its labels cannot be learned.
    """
    tested, learned = data
    if learned is None or learned.label is None or tested.label is None:
        raise ValueError("`data` must have labels and a part to learn from, got none.")
    learned = _few(learned)
    own = _probed(_codes(run, run.model, learned), _codes(run, run.model, tested), learned, tested)
    if not baselines:
        return Assessment(own, {})
    untrained = untrained_encoder(run, learned)
    drawn = _codes(run, untrained, learned), _codes(run, untrained, tested)
    name = "D2 distribution" if tested.kind == "points" else "raw data"
    return Assessment(
        own,
        {
            "untrained encoder": _probed(*drawn, learned, tested),
            name: _probed(*_by_hand(run, learned, tested), learned, tested),
            "most frequent class": [_most_frequent(_labels(learned), _labels(tested))],
        },
    )


def _few(table: Table) -> Table:
    """At most as many samples as a probe learns from."""
    if table.num_samples <= MAX_TRAIN:
        return table
    return table.take(np.random.default_rng(0).permutation(table.num_samples)[:MAX_TRAIN])


def _labels(table: Table) -> Int[np.ndarray, " samples"]:
    assert table.label is not None
    return table.label


def _probed(
    train: Float[np.ndarray, "train features"],
    test: Float[np.ndarray, "test features"],
    learned: Table,
    tested: Table,
) -> list[Measure]:
    return svm_measures(svm_accuracy(train, _labels(learned), test, _labels(tested)))


def _codes(run: Run, model: Encoder, table: Table) -> Float[np.ndarray, "codes latent"]:
    return encode(model, samples(table.x), run.config.scaling.apply).mean.numpy()


def _by_hand(
    run: Run, learned: Table, tested: Table
) -> tuple[Float[np.ndarray, "train values"], Float[np.ndarray, "test values"]]:
    """Descriptions of both that nobody trained; components are those of the first."""
    if tested.kind == "points":
        return d2_distribution(learned.x), d2_distribution(tested.x)
    train, test = (
        torch.cat([b.x.flatten(1) for b in chunks(samples(table.x), run.config.scaling.apply)])
        for table in (learned, tested)
    )
    if train.shape[1] <= MAX_VALUES:
        return train.numpy(), test.numpy()
    from sklearn.decomposition import PCA

    count = min(MAX_VALUES, len(train))
    components = PCA(count, svd_solver="randomized", random_state=0).fit(train.numpy())
    return components.transform(train.numpy()), components.transform(test.numpy())


def _most_frequent(train: Int[np.ndarray, " train"], test: Int[np.ndarray, " test"]) -> Measure:
    answer = int(np.bincount(train).argmax())
    text = "Share of test samples of the class that is most frequent among the training samples."
    return Measure("linear SVM", float((test == answer).mean()), "higher", "", text, True)
