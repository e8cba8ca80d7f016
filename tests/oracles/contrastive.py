"""InfoNCE in loops over floats, from van den Oord et al. 2018, Eq. (4), in both directions."""

import math


def info_nce_in_loops(a: list[list[float]], b: list[list[float]], temperature: float) -> float:
    """Mean over samples and over both directions of -ln softmax at the sample's own other view."""

    def similarity(u: list[float], v: list[float]) -> float:
        lengths = math.sqrt(sum(x * x for x in u) * sum(y * y for y in v))
        return sum(x * y for x, y in zip(u, v, strict=True)) / lengths / temperature

    total = 0.0
    for n in range(len(a)):
        forth = [math.exp(similarity(a[n], other)) for other in b]
        back = [math.exp(similarity(other, b[n])) for other in a]
        total -= math.log(forth[n] / sum(forth)) + math.log(back[n] / sum(back))
    return total / (2 * len(a))
