"""The experiment of most rows: a model of this package, planned by rule, trained, measured.

The host network is the paper's (section 4.2): three fully connected layers and one more before the
code, 784-512-256-128-64 → 10, mirrored. Our reading: batch normalisation, ReLU, Adam at 1e-3 with a
linear fall at the end, none of which the paper states.
"""

from dataclasses import dataclass

import torch

from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.model_config import AnchorHost, Method, PriorKind, Reading
from nebulatent.apps.planning.plan import Plan, plan
from nebulatent.apps.recipes.measuring import model_arrays, model_measures
from nebulatent.apps.recipes.recipe import Outcome, Setting
from nebulatent.apps.recipes.recipe_data import RecipeData, images, labels
from nebulatent.apps.recipes.watching import Curves
from nebulatent.data.batch import Batches
from nebulatent.data.views import mask
from nebulatent.training.fit import fit
from nebulatent.typing import Tensor

CLUSTERS = 10


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One model: a host, with or without anchors. Fields as in `nebulatent fit`."""

    method: Method
    host: AnchorHost = "vae"
    num_anchors: int = CLUSTERS
    form: Reading = "log1p"
    prior: PriorKind = "normal"
    supervised: bool = False
    nebula_weight: float = 1.0
    pair_weight: float = 0.1
    triplet_weight: float = 1.0

    @property
    def name(self) -> str:
        """Host, method and what differs from their defaults."""
        words = [self.method] if self.method == self.host else [self.host, self.method]
        if "nvc" in self.method:
            words.append(str(self.num_anchors))
        words += [word for word in (self.form,) if word != "log1p"]
        words += ["mixture"] * (self.prior == "anchors") + ["supervised"] * self.supervised
        weights = (self.nebula_weight, self.pair_weight, self.triplet_weight)
        if weights != (1.0, 0.1, 1.0):
            words.append("w" + "-".join(f"{weight:g}".replace(".", "p") for weight in weights))
        return "-".join(words)

    def __call__(self, setting: Setting) -> Outcome:
        """Train and measure."""
        chosen = self.plan(setting)
        conditional = chosen.model.host == "cvae"
        model = build(chosen.model, setting.seed)
        batches = _batches(chosen, setting.data, setting.seed)
        steps = len(batches) * chosen.fit.epochs
        curves = Curves(model, setting.data, steps, setting.seed, conditional=conditional)
        fit(model, batches, chosen.fit, on_step=curves)
        clusters = self.num_anchors if chosen.model.has_anchors else CLUSTERS
        measures = model_measures(
            model, setting.data, setting.seed, num_clusters=clusters, conditional=conditional
        )
        arrays = {}
        if setting.draws:
            arrays = model_arrays(model, setting.data, setting.seed, conditional=conditional)
        return Outcome(measures, {**arrays, "curves": curves.to_json()})

    def plan(self, setting: Setting) -> Plan:
        """Sizes and options by rule from the data, as `nebulatent fit` chooses them."""
        budget = setting.budget
        choices = Choices(
            method=self.method,
            host=self.host if "nvc" in self.method else "vae",
            num_anchors=self.num_anchors,
            epochs=budget.epochs,
            batch_size=budget.batch_size,
            seed=setting.seed,
            form=self.form,
            prior=self.prior,
            supervised=self.supervised,
            nebula_weight=self.nebula_weight,
            pair_weight=self.pair_weight,
            triplet_weight=self.triplet_weight,
        )
        return plan(setting.data.train, setting.data.scaling, choices)


def _batches(chosen: Plan, data: RecipeData, seed: int) -> Batches:
    label: Tensor | None = None
    if chosen.model.uses_labels:
        label = torch.from_numpy(labels(data.train))
    return Batches(
        images(data.train),
        label,
        batch_size=chosen.batch_size,
        seed=seed,
        prepare=data.scaling.apply,
        view=mask if chosen.model.host == "dvae" else None,
    )
