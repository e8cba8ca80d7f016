"""What a classifier reads off a run's codes, beside what it reads off other features.

The classifier learns from one file and is tested on another; its strength is chosen on the first:
linear (:mod:`nebulatent.evaluation.svm`), or with a Gaussian kernel, and then beside one with the
numbers of SwitchVAE's paper (:mod:`nebulatent.evaluation.kernel_svm`). Beside the codes stand,
trained and tested alike: the codes of the same network before training, a description made by hand
(of clouds the distribution of their distances, of all others their values or 256 principal
components of them; for the kernel always 128 components, as in the recipe `switchvae-table2`), and
the answer that is always the most frequent class. The codes never saw a label. `probe_curves` does
the same with few labels, and on corrupted clouds.

Of a run whose clouds are turned into their principal axes, the accuracy is also that on the mean of
the codes over the four rotations that the signs of the axes leave open; and clouds that were
corrupted are turned again, by what is left of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.assess import Assessment, Evaluated
from nebulatent.apps.raw_values import raw_values
from nebulatent.apps.runs.inputs import encoder_input, read_like, samples, with_label_names
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.clouds.principal_axes import EITHER_WAY, turned
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.components import find_components
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.encode import Encoder, encode
from nebulatent.evaluation.kernel_svm import kernel_measures
from nebulatent.evaluation.label_fractions import label_fractions
from nebulatent.evaluation.levels import Curve
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.poses import InPoses, mean_pose_measure
from nebulatent.evaluation.probes import MAX_TRAIN
from nebulatent.evaluation.robustness import (
    CORRUPTIONS,
    Corruption,
    Describe,
    followed,
    robustness,
)
from nebulatent.evaluation.svm import svm_accuracy, svm_measures, train_svm
from nebulatent.typing import Tensor

CODES, UNTRAINED = "codes", "untrained encoder"
MAX_VALUES = 256  # of a description by hand
COMPONENTS = 128

Features = Float[np.ndarray, "samples features"]
Labels = Int[np.ndarray, " samples"]


class Probe(NamedTuple):
    """How features are judged.

    Arguments:
        measures: Of training features, their labels, test features, their labels.
        by_hand: Name of what stands beside the codes of samples that are no clouds.
        describe: All values of training and of test samples → that.
        name: Of the accuracy.
    """

    measures: Callable[[Features, Labels, Features, Labels], list[Measure]]
    by_hand: str
    describe: Callable[[Features, Features], tuple[Features, Features]]
    name: str


def linear_measures(
    train: Features, train_label: Labels, test: Features, test_label: Labels
) -> list[Measure]:
    """What a linear machine learns."""
    return svm_measures(svm_accuracy(train, train_label, test, test_label))


def few_values(train: Features, test: Features) -> tuple[Features, Features]:
    """The values of samples, or components of them; these are of what is learned from."""
    if train.shape[1] <= MAX_VALUES:
        return train, test
    from sklearn.decomposition import PCA

    count = min(MAX_VALUES, len(train))
    components = PCA(count, svd_solver="randomized", random_state=0).fit(train)
    return components.transform(train), components.transform(test)


def principal_values(train: Features, test: Features) -> tuple[Features, Features]:
    """At most 128 components, of what is learned from."""
    space = find_components(train, min(COMPONENTS, len(train) - 1, train.shape[1]))
    return space.codes(train), space.codes(test)


LINEAR = Probe(linear_measures, "raw data", few_values, "linear SVM")
KERNEL = Probe(kernel_measures, f"{COMPONENTS} components", principal_values, "RBF SVM")


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
    if split == "all" and train in (None, data):
        raise ValueError(
            "`--split` must be test for a probe that learns from the training part of DATA, got "
            "all; or give other samples to learn from as --train."
        )
    names = sorted({*tested.label_names, *learned.label_names})
    return Evaluated(with_label_names(tested, names), with_label_names(learned, names))


class Described(NamedTuple):
    """One kind of features.

    Arguments:
        train: Of the samples to learn from.
        test: Of those to test on.
        describe: Features of other clouds that are scaled; None for what are no clouds.
    """

    train: Float[np.ndarray, "train features"]
    test: Float[np.ndarray, "test features"]
    describe: Describe | None


def probe_run(
    run: Run, data: Evaluated, probe: Probe = LINEAR, *, baselines: bool = True
) -> Assessment:
    """Accuracy of a machine on the codes of a run, and on each baseline.

    Raises:
        ValueError: If there is nothing to learn from, or its labels cannot be learned.
    """
    tested, learned = _both(data)
    label = _labels(learned), _labels(tested)
    models = _models(run, learned, baselines=baselines)
    found = {
        name: probe.measures(each.train, label[0], each.test, label[1])
        for name, each in _described(run, models, learned, tested, probe).items()
    }
    if run.config.data.poses == "principal-axes" and probe is LINEAR:
        for name, model in models.items():
            each = _coded(run, InPoses(model, EITHER_WAY), learned, tested)
            mean = linear_measures(each.train, label[0], each.test, label[1])
            found[name].append(mean_pose_measure(mean, len(EITHER_WAY)))
    if baselines:
        found["most frequent class"] = [_most_frequent(*label, probe.name)]
    return Assessment(found.pop(CODES), found)


def probe_curves(
    run: Run, data: Evaluated, *, labels: bool, damage: bool, baselines: bool = True
) -> dict[str, dict[str, Curve]]:
    """Accuracy of linear SVMs by the share of labels, and by damage to the test clouds.

    Arguments:
        run: The run.
        data: As for `probe_run`.
        labels: Whether to learn from few labels.
        damage: Whether to corrupt test clouds.
        baselines: Whether to measure other features beside the codes.

    Returns:
        By what changes ("labels", "jitter", ...), then by the kind of features.

    Raises:
        ValueError: As `probe_run`, or if data that are no clouds are to be corrupted.
    """
    tested, learned = _both(data)
    if damage and tested.kind != "points":
        raise ValueError(f"`--robustness` must be asked of clouds of points, got {tested.kind}.")
    found: dict[str, dict[str, Curve]] = {}
    models = _models(run, learned, baselines=baselines)
    described = _described(run, models, learned, tested, LINEAR)
    for name, each in described.items():
        for curve in _curves(run, each, learned, tested, labels=labels, damage=damage):
            found.setdefault(curve.name, {})[name] = curve
    return found


def _curves(
    run: Run, each: Described, learned: Table, tested: Table, *, labels: bool, damage: bool
) -> list[Curve]:
    """The curves of one kind of features."""
    train = each.train, _labels(learned)
    curves = [label_fractions(*train, each.test, _labels(tested))] if labels else []
    if damage and each.describe is not None:
        clouds, prepare = samples(tested.x), run.config.scaling.apply
        machine = train_svm(*train)
        curves += robustness(
            machine,
            each.describe,
            clouds,
            _labels(tested),
            prepare=prepare,
            corruptions=corruptions_of(run),
        )
    return curves


def corruptions_of(run: Run) -> Sequence[Corruption]:
    """How clouds are corrupted; turned clouds are turned once more, as damaged scans would be."""
    if run.config.data.poses == "as-stored":
        return CORRUPTIONS
    return [
        followed(
            each, _turned, "turned into their principal axes again and brought back to radius 1"
        )
        for each in CORRUPTIONS
    ]


def _turned(clouds: Tensor) -> Tensor:
    return torch.from_numpy(turned(clouds.numpy()))


def _both(data: Evaluated) -> tuple[Table, Table]:
    """What to test on, and what to learn from."""
    tested, learned = data
    if learned is None or learned.label is None or tested.label is None:
        raise ValueError("`data` must have labels and a part to learn from, got none.")
    return tested, _few(learned)


def _described(
    run: Run, models: Mapping[str, Encoder], learned: Table, tested: Table, probe: Probe
) -> dict[str, Described]:
    """The codes of some models and, where these are baselines too, other features, by name."""
    found = {name: _coded(run, model, learned, tested) for name, model in models.items()}
    if UNTRAINED not in models:
        return found
    if tested.kind == "points":
        both = d2_distribution(learned.x), d2_distribution(tested.x)
        found["D2 distribution"] = Described(*both, lambda x: d2_distribution(x.numpy()))
    else:
        both = probe.describe(raw_values(run, learned), raw_values(run, tested))
        found[probe.by_hand] = Described(*both, None)
    return found


def _models(run: Run, learned: Table, *, baselines: bool) -> dict[str, Encoder]:
    """What gives codes, by name."""
    if not baselines:
        return {CODES: run.model}
    return {CODES: run.model, UNTRAINED: untrained_encoder(run, learned)}


def _coded(run: Run, model: Encoder, learned: Table, tested: Table) -> Described:
    prepare = run.config.scaling.apply

    @torch.no_grad()
    def describe(clouds: Tensor) -> Float[np.ndarray, "clouds latent"]:
        return model.encode(clouds).mean.numpy()

    train, test = (
        encode(model, encoder_input(run.config.model, table), prepare).mean.numpy()
        for table in (learned, tested)
    )
    return Described(train, test, describe if tested.kind == "points" else None)


def _few(table: Table) -> Table:
    """At most as many samples as a probe learns from."""
    if table.num_samples <= MAX_TRAIN:
        return table
    return table.take(np.random.default_rng(0).permutation(table.num_samples)[:MAX_TRAIN])


def _labels(table: Table) -> Int[np.ndarray, " samples"]:
    assert table.label is not None
    return table.label


def _most_frequent(train: Labels, test: Labels, name: str) -> Measure:
    answer = int(np.bincount(train).argmax())
    text = "Share of test samples of the class that is most frequent among the training samples."
    return Measure(name, float((test == answer).mean()), "higher", "", text, True)
