r"""Does each component of a code stand for one factor of variation, and each factor for one alone?

Three scores, each a reading of that question, of codes $z$ (posterior means) and known factors $v$:

.. math::
    \text{MIG} = \frac1K \sum_k \frac{I(z_{j(k)}; v_k) - \max_{j \ne j(k)} I(z_j; v_k)}{H(v_k)},
    \quad j(k) = \arg\max_j I(z_j; v_k)
.. math::
    \text{SAP} = \frac1K \sum_k S_{j(k) k} - \max_{j \ne j(k)} S_{jk}
.. math::
    D = \sum_j \rho_j \bigl(1 - H_K(P_{j\cdot})\bigr), \qquad
    C = \frac1K \sum_k \bigl(1 - H_J(\tilde P_{\cdot k})\bigr)

with $S_{jk}$ how well component $j$ alone predicts factor $k$; $P$, $\tilde P$ the rows and
columns, divided by their sums, of $R_{jk}$, the importance of component $j$ to a predictor of
factor $k$ that sees all; $\rho_j$ the share of row $j$ in the whole; $H_n$ the entropy to base
$n$.

======================================== ====================================
score                                    function
======================================== ====================================
MIG, Chen et al. 2018, Eq. (6)           `mutual_information_gap`
SAP, Kumar et al. 2018, section 3        `separated_predictability`
DCI, Eastwood & Williams 2018, section 2 `factor_importance`, `dci_scores`
======================================== ====================================

A factor of whole numbers is a set of categories, in no order; one of real numbers is a quantity.
Codes and quantities have **20 bins of equal width** where counts are needed, as in Locatello et al.
2019. Entropies of counts are in nats and not corrected for their number: with n samples, 20 bins
by 20 share about 180 / n nats of information by chance, which a gap subtracts from itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import balanced_accuracy_score, mutual_info_score
from sklearn.tree import DecisionTreeClassifier

from nebulatent.evaluation.measures import Measure, require_finite

BINS, SEED = 20, 0
TREES, LEAF = 50, 5
STILL = 1e-6  # standard deviations, as a share of the largest: such a component says nothing

Codes = Float[np.ndarray, "codes latent"]
Factor = Shaped[np.ndarray, " _"]
Factors = Mapping[str, Factor]
Table = Float[np.ndarray, "latent factors"]


class Importance(NamedTuple):
    """What predictors of all factors made of the codes.

    Arguments:
        table: Importance of each component to the predictor of each factor; columns add up to 1.
        informativeness: Of each factor, how well it was predicted: 1 is perfect, 0 is chance.
    """

    table: Table
    informativeness: Float[np.ndarray, " factors"]


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness; higher is better, 1 the best."""

    disentanglement: float
    completeness: float
    informativeness: float


def mutual_information_gap(z: Codes, factors: Factors) -> float:
    """How much more the best component says of a factor than the next one: the mean over factors.

    Source: Chen, Li, Grosse, Duvenaud: Isolating Sources of Disentanglement, 2018, Eq. (6).
    Our reading: information of binned posterior means, as in Locatello et al. 2019, not of samples
        of the posterior. A code of one component has no next one, which counts as 0.

    Raises:
        ValueError: If there are no codes, lengths differ, a value is not finite, or a factor does
            not vary.
    """
    _check(z, factors)
    binned = [_binned(column) for column in z.T]
    table = np.empty((z.shape[1], len(factors)))
    for k, values in enumerate(factors.values()):
        level = _levels(values)
        own = entropy(np.bincount(level))
        table[:, k] = [mutual_info_score(level, column) / own for column in binned]
    return float(_gaps(table).mean())


def separated_predictability(z: Codes, factors: Factors) -> float:
    """How much better the best component predicts a factor than the next one: mean over factors.

    A quantity is predicted by a straight line, scored by R²; categories by thresholds on the
    component, one fewer than there are categories, placed by a decision tree and scored by balanced
    accuracy.

    Source: Kumar, Sattigeri, Balakrishnan: Variational Inference of Disentangled Latent Concepts,
        2018, section 3 (attribute predictability score).
    Our reading: balanced accuracy is adjusted so that chance is 0, as it is for R²; the paper's
        best score for C categories would be 1 - 1/C. A component that does not vary scores 0.

    Raises:
        ValueError: As for `mutual_information_gap`.
    """
    _check(z, factors)
    table = np.zeros((z.shape[1], len(factors)))
    varies = z.std(0, dtype=np.float64) > STILL * z.std(0, dtype=np.float64).max()
    for k, values in enumerate(factors.values()):
        for j in np.flatnonzero(varies):
            table[j, k] = _predictability(z[:, j].astype(np.float64), values)
    return float(_gaps(table).mean())


def factor_importance(z: Codes, factors: Factors) -> Importance:
    """Random forests that predict each factor from all components.

    A forest has 50 trees, all components to choose from at each split and at least 5 samples in a
    leaf. Informativeness is measured on the samples that a tree has not seen: R² of a quantity,
    balanced accuracy of categories, adjusted so that chance is 0.

    Source: Eastwood & Williams: A Framework for the Quantitative Evaluation of Disentangled
        Representations, 2018, section 2; of its two predictors the forest.

    Raises:
        ValueError: As for `mutual_information_gap`; if a code is a single component, for which
            there is no entropy.
    """
    _check(z, factors)
    if z.shape[1] < 2 or len(factors) < 2:
        raise ValueError(
            "`z` must have two components at least and `factors` two factors, got "
            f"{z.shape[1]} and {len(factors)}; DCI compares among several of both."
        )
    columns, scores = zip(*(_forest(z, values) for values in factors.values()), strict=True)
    return Importance(np.stack(columns, axis=1), np.array(scores))


def dci_scores(found: Importance) -> DCI:
    """Disentanglement and completeness of an importance table, and the mean informativeness.

    Source: Eastwood & Williams 2018, section 2. A component without any importance has no weight; a
        factor without any counts as 0 in the completeness.
    """
    table = found.table
    rows, columns = table.sum(1), table.sum(0)
    by_row = _focus(table.T, rows)
    return DCI(
        float(by_row @ rows / rows.sum()) if rows.sum() > 0 else 0.0,
        float(_focus(table, columns).mean()),
        float(found.informativeness.mean()),
    )


def disentanglement_measures(z: Codes, factors: Factors) -> list[Measure]:
    """All scores, DCI left out where there is one component or one factor.

    Arguments:
        z: Codes, best the posterior means of samples whose factors were drawn independently.
        factors: Values of each factor by name: whole numbers are categories.

    Raises:
        ValueError: As for `mutual_information_gap`.

    Examples:
        >>> z = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2)
        >>> measures = disentanglement_measures(z, {"width": z[:, 0], "height": z[:, 1]})
        >>> [(measure.name, round(measure.value, 2)) for measure in measures[:2]]
        [('MIG', 1.0), ('SAP', 1.0)]
    """
    known = f"{len(factors)} known factors ({', '.join(factors)})"
    mig = (
        f"Gap between the two components with most information on a factor, as a share of the "
        f"factor's entropy; {BINS} bins of equal width; mean over {known}."
    )
    sap = (
        "Gap between the two components that predict a factor best, by R² or balanced accuracy "
        f"above chance; mean over {known}."
    )
    rows = [
        ("MIG", mutual_information_gap(z, factors), mig),
        ("SAP", separated_predictability(z, factors), sap),
    ]
    if z.shape[1] > 1 and len(factors) > 1:
        forest = f"importance in random forests that predict {known} from all components."
        scores = dci_scores(factor_importance(z, factors))
        rows += [
            ("DCI disentanglement", scores.disentanglement, f"Focus of components by {forest}"),
            ("DCI completeness", scores.completeness, f"Focus of factors by {forest}"),
            ("DCI informativeness", scores.informativeness, f"Accuracy above chance: {forest}"),
        ]
    return [Measure(name, value, "higher", "", text, True) for name, value, text in rows]


def _check(z: Codes, factors: Factors) -> None:
    require_finite("z", z)
    if not factors:
        raise ValueError("`factors` must hold at least one factor, got none.")
    for name, values in factors.items():
        if values.shape != (len(z),):
            raise ValueError(
                f"`factors[{name!r}]` must have one value per code ({len(z)}), got shape "
                f"{values.shape}."
            )
        if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
            raise ValueError(
                f"`factors[{name!r}]` must be finite numbers, got NaN, infinity or text; a factor "
                "that not all samples have must be left out."
            )
        if (values == values[0]).all():
            raise ValueError(
                f"`factors[{name!r}]` must vary, got one value only; leave the factor out."
            )


def _is_quantity(values: Factor) -> bool:
    return values.dtype.kind == "f"


def _binned(column: Float[np.ndarray, " codes"]) -> np.ndarray:
    """The bin of each value among bins of equal width."""
    edges = np.histogram_bin_edges(column.astype(np.float64), BINS)
    return np.digitize(column, edges[1:-1])


def _levels(values: Factor) -> np.ndarray:
    return _binned(values) if _is_quantity(values) else np.unique(values, return_inverse=True)[1]


def _gaps(table: Table) -> Float[np.ndarray, " factors"]:
    """Of each column, the largest entry less the next one."""
    if len(table) == 1:
        return table[0]
    ordered = np.sort(table, axis=0)
    return ordered[-1] - ordered[-2]


def _predictability(column: Float[np.ndarray, " codes"], values: Factor) -> float:
    if _is_quantity(values):
        return float(np.corrcoef(column, values)[0, 1] ** 2)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=len(np.unique(values)), class_weight="balanced", random_state=SEED
    )
    guess = tree.fit(column[:, None], values).predict(column[:, None])
    return max(0.0, _accuracy(values, guess))


def _accuracy(values: Factor, guess: np.ndarray) -> float:
    """Balanced accuracy, adjusted so that chance is 0."""
    return float(balanced_accuracy_score(values, guess, adjusted=True))


def _forest(z: Codes, values: Factor) -> tuple[Float[np.ndarray, " latent"], float]:
    """Importance of each component, and the score on samples that a tree has not seen."""
    options = {"min_samples_leaf": LEAF, "max_features": 1.0, "random_state": SEED}
    if _is_quantity(values):
        forest = RandomForestRegressor(TREES, oob_score=True, **options).fit(z, values)
        return forest.feature_importances_, float(forest.oob_score_)
    forest = RandomForestClassifier(TREES, oob_score=True, class_weight="balanced", **options)
    guess = forest.fit(z, values).oob_decision_function_.argmax(1)
    return forest.feature_importances_, _accuracy(values, forest.classes_[guess])


def _focus(
    table: Float[np.ndarray, "entries columns"], total: Float[np.ndarray, " columns"]
) -> Float[np.ndarray, " columns"]:
    """1 less the entropy of each column to the base of its length; 0 for a column of zeros."""
    shares = table / np.where(total > 0, total, 1)
    focus = 1 - entropy(np.where(total > 0, shares, 1), base=len(table), axis=0)
    return np.where(total > 0, focus, 0.0)
