"""What a run's weights are worth as the start of a classifier, beside weights as drawn.

The run's encoder, with three more layers on top, is trained further with labels; the same network
is trained as long from weights as drawn. Each draw has its own labels, head, order of the data and,
of the second, weights. Nothing is chosen: the last weights count, and test samples are seen once.

Source: Eckart et al., ParAE, CVPR 2021, Table 2.
"""

import copy
from collections.abc import Sequence

import torch

from nebulatent.apps.assess import Evaluated
from nebulatent.apps.planning.build import Trained, build
from nebulatent.apps.planning.cloud_plan import CHANNELS, TUNING_STEPS
from nebulatent.apps.runs.inputs import samples
from nebulatent.apps.runs.runs import Run
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder
from nebulatent.data.batch import Batches
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import chunks
from nebulatent.evaluation.label_fractions import labelled_rows
from nebulatent.evaluation.levels import Curve, Level
from nebulatent.evaluation.measures import Measure
from nebulatent.methods.cloud_classifier import CloudClassifier
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

DRAWS, BATCH, LR = 3, 32, 1e-3
TUNED, DRAWN = "fine-tuned", "weights as drawn"
CONVENTION = (
    "Share of test clouds that a classifier gets right which was trained for {steps} steps of "
    "{batch} clouds on a share of the labels of each class; the last weights. Mean and standard "
    "deviation over {draws} draws of labels, head and order."
)


def fine_tune(
    run: Run,
    data: Evaluated,
    *,
    fractions: Sequence[float] = (1.0,),
    draws: int = DRAWS,
    steps: int = TUNING_STEPS,
    baselines: bool = True,
) -> dict[str, Curve]:
    """Accuracy of classifiers by the share of labels, by what they began with.

    Arguments:
        run: The run.
        data: Labelled clouds to test on and, as reference, to learn from.
        fractions: Shares of the training labels.
        draws: Trainings at each share and start.
        steps: Of each training.
        baselines: Whether to train from weights as drawn too.

    Raises:
        ValueError: If the run is not of clouds, there is nothing to learn from, `draws` is not
            positive, or `steps` is not.
    """
    tested, learned = data
    if learned is None or learned.label is None or tested.label is None:
        raise ValueError("`data` must have labels and a part to learn from, got none.")
    if draws < 1 or steps < 1:
        raise ValueError(f"`draws` and `steps` must be positive, got {draws} and {steps}.")
    find_encoder(run.model)
    found: dict[str, Curve] = {}
    for name in (TUNED, DRAWN) if baselines else (TUNED,):
        levels = []
        for fraction in fractions:
            rows = [labelled_rows(learned.label, fraction, draw=draw) for draw in range(draws)]
            values = []
            for draw, own in enumerate(rows):
                start = run.model if name == TUNED else build(run.config.model, draw)
                values.append(_trained(run, start, learned.take(own), tested, (draw, steps)))
            count = str(len(rows[0]))
            levels.append(Level(fraction, f"{100 * fraction:g} %", tuple(values), count))
        text = CONVENTION.format(steps=steps, batch=BATCH, draws=draws)
        found[name] = Curve("labels", "share of the training labels", text, tuple(levels))
    return found


def find_encoder(model: Trained) -> PointNetEncoder:
    """The encoder of a method of clouds.

    Raises:
        ValueError: If it has none.
    """
    for module in model.modules():
        if isinstance(module, PointNetEncoder):
            return module
    raise ValueError("`RUN` must be of clouds of points to be fine-tuned, got another.")


def tuned_measures(curve: Curve) -> list[Measure]:
    """The accuracy at the last level, for tables."""
    level = curve.levels[-1]
    text = f"Its standard deviation over {len(level.values)} draws."
    return [
        Measure("accuracy", level.mean, "higher", "", curve.convention, True),
        Measure("deviation of a draw", level.std, "lower", "", text, True),
    ]


def _trained(
    run: Run, start: Trained, learned: Table, tested: Table, draw_and_steps: tuple[int, int]
) -> float:
    """Accuracy of one classifier after training."""
    assert learned.label is not None and tested.label is not None
    seed, steps = draw_and_steps
    label, prepare = torch.from_numpy(learned.label), run.config.scaling.apply
    method = _classifier(find_encoder(start), len(tested.label_names), seed)
    batches = Batches(samples(learned.x), label, batch_size=BATCH, seed=seed, prepare=prepare)
    epochs = max(1, round(steps / len(batches)))
    fit(method, batches, FitConfig(epochs=epochs, lr=LR, seed=seed))
    found = [method.classify(batch.x) for batch in chunks(samples(tested.x), prepare)]
    return float((torch.cat(found).numpy() == tested.label).mean())


def _classifier(encoder: PointNetEncoder, num_classes: int, seed: int) -> CloudClassifier:
    """A copy of the encoder under layers with weights as drawn; the global state is not touched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PointNetClassifier(
            num_classes,
            encoder=copy.deepcopy(encoder),
            width=encoder.feature_dim / CHANNELS[-1],
        )
    return CloudClassifier(network.train())
