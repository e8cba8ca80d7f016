"""Curves of a training on test samples: Fig. 5 of Wang et al., TPAMI 2022.

Entropy of the codes, ELBO and reconstruction are measured on a few hundred test samples every now
and then. Measuring changes nothing: the noise of a step is seeded by its number.
"""

from typing import Any

import torch
from torch import nn

from nebulatent.apps.recipes.measuring import drawn
from nebulatent.apps.recipes.recipe_data import RecipeData, images, labels
from nebulatent.evaluation.encode import Model, encode, evidence
from nebulatent.evaluation.latent import gaussian_entropy, softmax_entropy
from nebulatent.training.fit import Step

WATCHED = 500  # test samples
POINTS = 24  # of a curve


class Curves:
    """Follows a training as `on_step`.

    Arguments:
        model: What is trained.
        data: Its data; the first test samples are measured.
        steps: Steps of the whole training.
        seed: Of the posterior samples.
        conditional: Whether the decoder must be told the class.
    """

    def __init__(
        self, model: nn.Module, data: RecipeData, steps: int, seed: int, *, conditional: bool
    ) -> None:
        self._model, self._seed, self._scaling = model, seed, data.scaling
        self._x = images(data.test)[:WATCHED]
        label = torch.from_numpy(labels(data.test))[:WATCHED]
        self._label = label if conditional else None
        self._every = max(1, steps // POINTS)
        self._last = steps
        self.rows: dict[str, list[float]] = {"step": []}

    def __call__(self, step: Step) -> None:
        """Measure if it is time to."""
        if step.step % self._every and step.step != self._last:
            return
        training = self._model.training
        self._model.eval()
        self._add(step.step)
        self._model.train(training)

    def _add(self, step: int) -> None:
        assert isinstance(self._model, Model)
        codes = encode(self._model, self._x, self._scaling.apply)
        z = drawn(codes, self._seed)
        parts = evidence(self._model, self._x, self._scaling.apply, self._label, self._seed)
        found: dict[str, float] = {
            "step": step,
            "softmax entropy": softmax_entropy(z),
            "Gaussian entropy": gaussian_entropy(z),
            "reconstruction": parts["reconstruction"],
        }
        if "kl" in parts:
            found["ELBO"] = -parts["reconstruction"] - parts["kl"]
        for name, value in found.items():
            # JSON has no infinity, which a collapsed code has as its entropy.
            kept = value if abs(value) < float("inf") else None
            self.rows.setdefault(name, []).append(kept)  # pyright: ignore[reportArgumentType]

    def to_json(self) -> dict[str, Any]:
        """Values by name, one per point."""
        return {
            name: [None if value is None else round(value, 5) for value in values]
            for name, values in self.rows.items()
        }
