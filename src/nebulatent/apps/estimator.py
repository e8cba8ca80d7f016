r"""Nebula Variational Coding as a scikit-learn estimator: rows of numbers → clusters and codes.

.. math:: x' = (x - \text{shift}) / \text{scale}, \quad z = E_{q(z \mid x')}[z], \quad
    k(x) = \arg\min_i \lVert z - a_i \rVert^2

Training is in float32, all that follows in float64, so that the result for a row does not depend
on the rows beside it; what is returned has the type of what came in.
"""

from collections.abc import Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from nebulatent.apps.clustering_fit import train_on_rows
from nebulatent.apps.planning.clustering_options import LikelihoodChoice, ScalingChoice
from nebulatent.apps.planning.model_config import PriorKind
from nebulatent.evaluation.encode import Codes, encode, evidence
from nebulatent.latents.aggregate import aggregate
from nebulatent.objectives.likelihoods import Gaussian
from nebulatent.typing import Tensor

RandomState = int | np.random.RandomState | None

FLOATS = (np.float64, np.float32)


class NebulaClustering(
    ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator
):
    """Clusters, codes and samples of the rows of an array, learned without labels.

    Source: Wang et al., TPAMI 2022: a variational autoencoder whose codes gather around anchors.
    Our reading: `beta`, `prior`, `warmup` and `scaling` have defaults that were settled while
        watching the labels of scikit-learn's digits, wine, iris and other small sets (seeds 0-6),
        so what they reach on those sets is no evidence for others.

    Arguments:
        n_clusters: Number of anchors; with `consistency` also "auto", the largest number of
            clusters that independent models of the data all find again.
        n_components: Size of a code; "auto" is the number of features, at most 10. With
            `consistency` the first numbers of a code are those of its cluster, "auto" adds 16.
        metric: Whether to add the pair and triplet terms (NVC-ML).
        prior: "anchors" is a learned mixture of Gaussians around the anchors, under which codes and
            likelihood turn out better; "normal" is the paper's N(0, I).
        likelihood: "bernoulli" for values in [0, 1], "gaussian" with a learned noise level per
            feature; "auto" looks at the training data.
        scaling: Of Gaussian data: "common" divides all features by one number (they share a unit,
            as pixels do), "feature" each by its standard deviation; "auto" is "common" if the
            median range of the features is at least a tenth of the largest.
        hidden_layer_sizes: Widths of the encoder's layers, mirrored in the decoder.
        beta: Weight of the KL term. At 1, the bound of `score`, codes of few features lose whole
            dimensions, and with them clusters.
        max_iter: Epochs, at most.
        max_steps: Steps, at most, unless that makes fewer than three epochs. With `consistency` the
            clusters take two thirds as many, and three tenths of these for each further model.
        warmup: Share of the epochs before the anchors are placed on the codes and act.
        batch_size: Rows per step; smaller (32 at least) where it would make fewer than ten batches.
        learning_rate: Of Adam; it falls to zero over the last 40 % of the steps.
        consistency: Whether to look for clusters that random views of a row, its neighbours and
            several independent models agree on, and to train codes and decoder around these
            afterwards. Takes longer (a minute or so for the digits) and finds much better clusters
            where views are what their likeness is about, in images above all; `metric`, `prior`,
            `warmup` and `learning_rate` are then no part of how they are found.
        image_shape: With `consistency`, (height, width) or (channels, height, width) of images that
            are given as rows: they are moved, turned and bent. Rows of features have noise instead.
        random_state: Seed of everything. An int gives the same bits again; None draws the seed from
            numpy's global state, as all of scikit-learn does.

    Attributes:
        labels_: Nearest anchor of each training row.
        cluster_centers_: The anchors, as codes.
        n_clusters_: Their number.
        history_: One dict per epoch: the average of each term of the loss, and of several stages
            (`consistency`) the number of its stage.
        n_iter_: Epochs trained.
        model_: The trained `nebulatent.NVC`, in float64 and for scaled rows.

    Examples:
        >>> X = np.random.default_rng(0).normal([[0.0, 0.0], [9.0, 9.0]] * 30, size=(60, 2))
        >>> labels = NebulaClustering(n_clusters=2, random_state=0).fit_predict(X)
        >>> len(set(labels[::2])), len(set(labels))
        (1, 2)
    """

    def __init__(  # noqa: PLR0913 (scikit-learn reads the options from this signature)
        self,
        n_clusters: int | Literal["auto"] = 10,
        *,
        n_components: int | Literal["auto"] = "auto",
        metric: bool = True,
        prior: PriorKind = "anchors",
        likelihood: LikelihoodChoice = "auto",
        scaling: ScalingChoice = "auto",
        hidden_layer_sizes: int | Sequence[int] = (256, 128, 64),
        beta: float = 0.5,
        max_iter: int = 100,
        max_steps: int = 3000,
        warmup: float = 0.6,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        consistency: bool = False,
        image_shape: tuple[int, ...] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_clusters: int | Literal["auto"] = n_clusters
        self.n_components: int | Literal["auto"] = n_components
        self.metric = metric
        self.prior: PriorKind = prior
        self.likelihood: LikelihoodChoice = likelihood
        self.scaling: ScalingChoice = scaling
        self.hidden_layer_sizes = hidden_layer_sizes
        self.beta = beta
        self.max_iter = max_iter
        self.max_steps = max_steps
        self.warmup = warmup
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.consistency = consistency
        self.image_shape = image_shape
        self.random_state: RandomState = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train on the rows of `X`.

        Arguments:
            X: Samples, at least two, and no fewer than clusters.
            y: Ignored: labels never reach training.

        Raises:
            ValueError: If the data or an option is out of its range.
            FloatingPointError: If a term of the loss is no longer finite.
        """
        rows = self._validate(X, fitting=True)
        options = self.get_params(deep=False)
        done = train_on_rows(rows, options, _draw_seed(self.random_state))
        self.history_, self.n_iter_ = done.history, len(done.history)
        self.model_, self._scaling, self._dtype = done.model.double(), done.scaling, rows.dtype
        x = torch.tensor(rows, dtype=torch.float64)
        self._summarise(encode(self.model_, x, self._scaling.apply), done.temperature)
        return self

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " samples"]:
        """Index of the nearest anchor of each row."""
        z = self._encode(self._validate(X))
        return self.model_.latent_terms.assign(z).numpy()

    def predict_proba(self, X: ArrayLike) -> Float[np.ndarray, "samples clusters"]:
        """Probability of each anchor: anchors as equal, round Gaussians as wide as the clusters."""
        rows = self._validate(X)
        anchors = self.model_.latent_terms.anchors
        with torch.no_grad():
            shares = anchors.probabilities(self._encode(rows), self._temperature)
        return shares.numpy().astype(rows.dtype)

    def transform(self, X: ArrayLike) -> Float[np.ndarray, "samples latent"]:
        """Code of each row: the mean of its posterior."""
        rows = self._validate(X)
        return self._encode(rows).numpy().astype(rows.dtype)

    def inverse_transform(self, X: ArrayLike) -> Float[np.ndarray, "samples features"]:
        """The expected row for each code, in the units of the training data."""
        check_is_fitted(self)
        codes = cast(Any, check_array)(X, dtype=FLOATS)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"`X` must hold codes of {self._n_features_out} numbers, got {codes.shape[1]}; "
                "pass what `transform` returned."
            )
        return self._decode(torch.tensor(codes, dtype=torch.float64)).astype(codes.dtype)

    def sample(
        self, n_samples: int = 1, cluster: int | None = None, *, random_state: RandomState = None
    ) -> Float[np.ndarray, "samples features"]:
        """New rows in the units of the training data, without noise, in the order of clusters.

        Arguments:
            n_samples: Number of rows.
            cluster: Whose codes to imitate; None draws a cluster for each row by its share.
            random_state: Fixes the draw.

        Raises:
            ValueError: If `n_samples` is not positive or there is no such cluster.
        """
        check_is_fitted(self)
        num_clusters = len(self.cluster_centers_)
        if n_samples < 1:
            raise ValueError(f"`n_samples` must be at least 1, got {n_samples}.")
        if cluster is not None and not 0 <= cluster < num_clusters:
            raise ValueError(f"`cluster` must lie in 0..{num_clusters - 1}, got {cluster}.")
        seed = _draw_seed(random_state)
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        # The cluster of a random training row is a cluster drawn by its share.
        drawn = rng.choice(self.labels_, n_samples) if cluster is None else [cluster] * n_samples
        counts = enumerate(np.bincount(drawn).tolist())
        z = torch.cat([self._groups.sample(group, count, generator) for group, count in counts])
        return self._decode(z).astype(self._dtype)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Evidence lower bound, mean over rows, in nats; higher is better.

        For Gaussian data it bounds the log-density in the units of `X`, whatever the scaling; for
        values in [0, 1] it compares models of the same data only. One draw per code, a fixed one.
        """
        x = torch.tensor(self._validate(X), dtype=torch.float64)
        terms = evidence(self.model_, x, self._scaling.apply)
        # A density counts in the units of `X`; a Bernoulli's is a probability.
        density = isinstance(self.model_.likelihood, Gaussian)
        volume = self._scaling.scale.log().expand(x.shape[1]).sum() if density else 0.0
        return -sum(terms.values()) - float(volume)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.shape[1]

    def _validate(
        self, X: ArrayLike, *, fitting: bool = False
    ) -> Float[np.ndarray, "samples features"]:
        if not fitting:
            check_is_fitted(self)
        check = cast(Any, validate_data)  # untyped
        return check(self, X, dtype=FLOATS, reset=fitting, ensure_min_samples=1 + fitting)

    def _summarise(self, codes: Codes, temperature: float | None) -> None:
        """Keep what the training codes say of the clusters."""
        anchors = self.model_.latent_terms.anchors
        label, positions = anchors.assign(codes.mean), anchors.positions.detach()
        groups = [(label == i).nonzero().flatten() for i in range(len(positions))]
        self.labels_ = label.numpy()
        self.n_clusters_ = len(positions)
        self.cluster_centers_ = positions.numpy().astype(self._dtype)
        self._groups = aggregate(codes.mean, codes.variance, groups, positions)
        # Variance of the round Gaussians around the anchors that explain the posteriors best.
        spread = (codes.mean - positions[label]).square() + codes.variance
        self._temperature = float(spread.mean()) if temperature is None else temperature

    def _encode(
        self, rows: Float[np.ndarray, "samples features"]
    ) -> Float[Tensor, "samples latent"]:
        x = torch.tensor(rows, dtype=torch.float64)
        return encode(self.model_, x, self._scaling.apply).mean

    def _decode(self, z: Float[Tensor, "codes latent"]) -> Float[np.ndarray, "codes features"]:
        with torch.no_grad():
            return self._scaling.invert(self.model_.decode(z)).numpy()


def _draw_seed(random_state: RandomState) -> int:
    return int(check_random_state(random_state).randint(2**31 - 1))
