r"""A sentence of a paper, and whether it holds over the seeds that were run.

Let $e_s$ be the effect of seed $s$ (`nebulatent.apps.recipes.effects`), positive where the claim is
right, $\bar e$ their mean and $[l, h]$ its 95 % interval by Student's t; let $c \ge 0$ be the
smallest effect worth the claim. One part of a claim

| | when |
|---|---|
| holds | $l > 0$ and $\bar e \ge c$ |
| holds, but less than counts | $l > 0$ and $\bar e < c$ |
| does not hold | $h \le 0$, or $h < c$ |
| is not decided | else, and always with a single seed |

So "does not hold" is never the mere absence of significance: the interval must exclude every effect
worth the claim. A claim with several parts (hosts, numbers of anchors) holds if all of them do, and
*only if …* where some do. Each part is tested at 5 % on its own, not adjusted for their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import t as student

from nebulatent.apps.recipes.effects import Effect, Results

State = Literal["holds", "small", "fails", "open"]
Verdict = Literal["holds", "does not hold", "holds only if", "not decided"]
LEVEL = 0.95
TEST = "paired t over seeds, two-sided, 95 % interval"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One condition under which a claim is tested.

    Arguments:
        effect: What is computed of each seed.
        condition: Where this is, to be read after "holds only if"; empty for a claim of one part.
        counts_from: The smallest effect worth the claim.
    """

    effect: Effect
    condition: str = ""
    counts_from: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper says, and what would have to be measured for it.

    Arguments:
        says: The paper's sentence, or its shortest faithful paraphrase.
        where: Where it says so ("Table 2").
        parts: At least one; with several, each has a condition.

    Raises:
        ValueError: If a condition is missing or there twice.
    """

    says: str
    where: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        conditions = [part.condition for part in self.parts]
        bad = not conditions or len(set(conditions)) < len(conditions)
        if bad or (len(conditions) > 1 and "" in conditions):
            raise ValueError(
                f"`parts` must each have a condition of their own, got {conditions} in the claim "
                f"{self.says!r}."
            )

    def about(self, parts: tuple[Part, ...]) -> "Claim":
        """The claim with some of its parts, which it then says."""
        few = "" if len(parts) == len(self.parts) else " (Of the rows asked for only.)"
        return replace(self, parts=parts, says=self.says + few)


class Finding(NamedTuple):
    """What was found for one part.

    Arguments:
        condition: The part's.
        effect: What was computed, in words.
        values: One number per seed.
        mean: Their mean.
        low: Lower end of the interval; equal to `mean` for a single seed.
        high: Upper end of the interval.
        p: Of the two-sided t-test that the mean is 0; 1 for a single seed.
        counts_from: The smallest effect worth the claim.
        state: What follows.
    """

    condition: str
    effect: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    p: float
    counts_from: float
    state: State

    @property
    def agree(self) -> int:
        """Seeds on the claim's side."""
        return sum(value > 0 for value in self.values)


def find(part: Part, results: Results) -> Finding:
    """Test one part.

    Examples:
        >>> from nebulatent.apps.recipes.effects import Gap
        >>> gap = Gap(measure="SSE", higher=("VAE",), lower=("AE",))
        >>> rows = {"VAE": [{"SSE": v} for v in (5.0, 7.0, 6.0)], "AE": [{"SSE": 3.0}] * 3}
        >>> found = find(Part(effect=gap), rows)
        >>> found.state, found.mean, round(found.low, 2), round(found.p, 3)
        ('holds', 3.0, 0.52, 0.035)
    """
    values = part.effect(results)
    mean, low, high, p = _interval(values)
    state = _state(len(values), mean, (low, high), part.counts_from)
    return Finding(
        condition=part.condition,
        effect=str(part.effect),
        values=tuple(values.tolist()),
        mean=mean,
        low=low,
        high=high,
        p=p,
        counts_from=part.counts_from,
        state=state,
    )


def _interval(values: np.ndarray) -> tuple[float, float, float, float]:
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, mean, mean, 1.0
    error = float(values.std(ddof=1)) / count**0.5
    if error == 0:  # every seed gave the same number
        return mean, mean, mean, float(mean == 0)
    half = float(student.ppf((1 + LEVEL) / 2, count - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, count - 1))
    return mean, mean - half, mean + half, p


def _state(count: int, mean: float, interval: tuple[float, float], counts_from: float) -> State:
    low, high = interval
    if count < 2:
        return "open"
    if low > 0:
        return "holds" if mean >= counts_from else "small"
    return "fails" if high <= 0 or high < counts_from else "open"


class Judgement(NamedTuple):
    """A claim with its verdict.

    Arguments:
        verdict: One of four.
        sentence: The verdict with its conditions, for people.
        findings: Of each part.
    """

    verdict: Verdict
    sentence: str
    findings: tuple[Finding, ...]


def judge(claim: Claim, results: Results) -> Judgement:
    """Test every part of a claim, and say what follows for the whole."""
    findings = tuple(find(part, results) for part in claim.parts)
    verdict, sentence = conclude(findings)
    return Judgement(verdict, sentence, findings)


def conclude(findings: Sequence[Finding]) -> tuple[Verdict, str]:
    """The verdict on a claim from those on its parts.

    Returns:
        One of the four verdicts, and the sentence to print.
    """
    states = {finding.state for finding in findings}
    right = [f for f in findings if f.state in ("holds", "small")]
    undecided = [f.condition for f in findings if f.state == "open"]
    beside = f" (not decided for: {'; '.join(undecided)})" if undecided else ""
    if states == {"holds"}:
        return "holds", "holds"
    if right:
        return "holds only if", f"holds only if {'; or '.join(map(_case, right))}{beside}"
    if states == {"open"}:
        return "not decided", f"not decided at {_seeds(findings)}"
    return "does not hold", f"does not hold{beside}"


def _case(finding: Finding) -> str:
    if finding.state == "holds":
        return finding.condition
    small = (
        f"an effect as small as {finding.mean:.2g} counts (we count from {finding.counts_from:.2g})"
    )
    return f"{finding.condition} and {small}" if finding.condition else small


def _seeds(findings: Sequence[Finding]) -> str:
    count = len(findings[0].values)
    return f"{count} seed{'s' if count > 1 else ''}"
