"""NVC with consistency by rule: how long, how many, in which numbers.

| choice | rule |
|---|---|
| cluster part of a code | 16 numbers, all but one of a shorter code |
| style part | 10 numbers, never more than the input |
| encoder of the cluster part | fully connected layers of 1 000 and 500, narrower for fewer than \
63 inputs |
| members | 5, of which the 3 go on that tell most of their samples' neighbours |
| over-anchors of each | 60, or a tenth of the samples if that is fewer, but not below the \
anchors; more than 60 only if there are more than 180 anchors |
| anchors, if `auto` | as many as all members find again (`nebulatent.ops.cluster_count`); \
until they are counted, neighbours and over-anchors are those for 10 and 20 |
| steps | 590 for each member, 1 410 for the clusters, in batches of 512 pairs |
| precision of these stages | bfloat16 if the processor multiplies it in hardware, else 32 bits |

The second column is the recipe of spec/nvc.md section 4c, settled on MNIST.
"""

from typing import Literal

from nebulatent.apps.planning.engine import Precision
from nebulatent.training.consistent import ConsistencyConfig, count_neighbours

CLUSTER_DIM, STYLE_DIM = 16, 10
CLUSTER_WIDTH = 1000
STEPS = 2000  # of one member and the clusters
MEMBER_SHARE = 0.295
MEMBERS, KEPT, OVER_ANCHORS = 5, 3, 60
PER_OVER_ANCHOR = 10  # samples; of fewer, the agreement measured in a batch says nothing
EXPECTED, FEWEST_COUNTED = 10, 40  # clusters, samples

NumAnchors = int | Literal["auto"]


def latent_sizes(latent_dim: int | None, values: int) -> tuple[int, int]:
    """Dimensions of the cluster part and of the whole code.

    Examples:
        >>> latent_sizes(None, 784), latent_sizes(None, 4), latent_sizes(5, 784), latent_sizes(1, 2)
        ((16, 26), (16, 20), (4, 5), (1, 1))
    """
    if latent_dim is None:
        return CLUSTER_DIM, CLUSTER_DIM + min(STYLE_DIM, values)
    return min(CLUSTER_DIM, max(1, latent_dim - 1)), latent_dim


def cluster_widths(values: int) -> tuple[int, ...]:
    """Widths of the fully connected encoder of the cluster part.

    Examples:
        >>> cluster_widths(784), cluster_widths(64), cluster_widths(10)
        ((1000, 500), (1000, 500), (160, 80))
    """
    top = min(CLUSTER_WIDTH, max(64, 16 * values))
    return top, top // 2


def plan_consistency(
    num_samples: int, num_anchors: NumAnchors, *, cluster_dim: int, steps: int | None, seed: int
) -> ConsistencyConfig:
    """The options of the clustering stages.

    Arguments:
        num_samples: Training samples.
        num_anchors: Clusters; "auto" counts them.
        cluster_dim: Dimension of the cluster part.
        steps: Steps of one member and the clusters together; None is the recipe's 2 000.
        seed: Fixes everything.

    Raises:
        ValueError: If there are too few samples for so many anchors.
    """
    steps = STEPS if steps is None else steps
    if steps < 2:
        raise ValueError(f"`cluster_steps` must be at least 2, got {steps}.")
    auto = num_anchors == "auto"
    if auto and num_samples < FEWEST_COUNTED:
        raise ValueError(
            f"`num_anchors` auto must have at least {FEWEST_COUNTED} samples, got {num_samples}; "
            "give a number."
        )
    first = max(1, round(MEMBER_SHARE * steps))
    config = ConsistencyConfig(
        latent_dim=cluster_dim,
        members=MEMBERS,
        kept=KEPT,
        over_anchors=over_anchors(num_samples, 2 * EXPECTED if auto else int(num_anchors)),
        first_steps=first,
        second_steps=steps - first,
        seed=seed,
    )
    count_neighbours(num_samples, EXPECTED if auto else int(num_anchors), config)
    return config


def over_anchors(num_samples: int, num_anchors: int) -> int:
    """Over-anchors of each member.

    Examples:
        >>> over_anchors(60_000, 10), over_anchors(60_000, 120), over_anchors(60_000, 300)
        (60, 60, 100)
        >>> over_anchors(400, 10), over_anchors(90, 10)
        (40, 10)
    """
    few = max(num_samples // PER_OVER_ANCHOR, num_anchors)
    return max(1, min(OVER_ANCHORS, few), -(-num_anchors // KEPT))


def cluster_precision() -> Precision:
    """bfloat16 where it is fast, on the device that `EngineConfig.fabric` will choose."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    found = torch.cpu.get_capabilities()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "32"
