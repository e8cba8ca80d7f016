r"""Walks among codes: from one to another, along one component, along what examples have in common.

.. math::
    \text{straight: } (1 - t)\, a + t\, b \qquad
    \text{spherical: } c + r_t\, \frac{\sin((1 - t)\Omega)\, u + \sin(t\Omega)\, v}{\sin \Omega}
.. math::
    \text{difference: } d = \overline{z_{\text{with}}} - \overline{z_{\text{without}}} \qquad
    \text{arithmetic: } z + s\, d

with $u, v$ the directions of $a, b$ seen from the centre $c$, $\Omega$ the angle between them and
$r_t$ the length, which changes linearly.

================================ =====================================================
what                             function
================================ =====================================================
interpolation                    `interpolate`, `interpolate_spherically`
traversal of one component       `traverse`
"chair with arms" − "chair"      `direction`
… + "table"                      `move_along`
================================ =====================================================

Figures of such walks: Wu et al., SwitchVAE, 2023, Figs. 5 to 7.
"""

import math

import torch

from nebulatent.typing import Float, Tensor

NARROWEST = 1e-3  # radians short of opposite; closer, rounding decides which way round to go

Codes = Float[Tensor, "codes latent"]
Path = Float[Tensor, "codes steps latent"]


def interpolate(a: Codes, b: Codes, t: Float[Tensor, " steps"]) -> Path:
    """Points on the straight line between the codes of each pair.

    Arguments:
        a: Where each pair's line has t = 0, to the bit.
        b: Where it has t = 1, to the bit.
        t: Places on the line; beyond 0 and 1 it goes on.

    Examples:
        >>> interpolate(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0.0, 0.25, 1.0]))
        tensor([[[0.0000, 0.0000],
                 [0.2500, 0.2500],
                 [1.0000, 1.0000]]])
    """
    return torch.lerp(a.unsqueeze(1), b.unsqueeze(1), t.to(a).unsqueeze(1))


def interpolate_spherically(
    a: Codes, b: Codes, t: Float[Tensor, " steps"], centre: Float[Tensor, " latent"]
) -> Path:
    """Points on the arc between the codes of each pair, seen from a centre.

    Codes of N(0, I) lie near a sphere around 0. A straight line between two of them leaves it for
    a place where there are no codes; an arc stays.

    Source: White, Sampling Generative Networks, 2016, section 2.1; Shoemake 1985.
    Our reading: the formula there takes codes of different lengths as they are, and its path then
        leaves the shell between the two lengths, the farther the more opposite they are. Here the
        direction turns and the length changes linearly; for equal lengths both are the same.

    Arguments:
        a: Where each arc begins, to the bit.
        b: Where it ends, to the bit.
        t: Places on the arc, in 0..1.
        centre: Of the sphere: the prior's mean, or that of the codes.

    Raises:
        ValueError: If `t` leaves 0..1, or the codes of a pair lie opposite to each other.
    """
    t = t.to(a).unsqueeze(1)
    if not bool(((t >= 0) & (t <= 1)).all()):
        raise ValueError("`t` must lie in 0..1 on an arc, got other places; use a straight line.")
    u, v = a - centre, b - centre
    start, end = u.norm(dim=1, keepdim=True), v.norm(dim=1, keepdim=True)
    flat = (start == 0) | (end == 0)  # a code at the centre has no direction
    u, v = u / start.where(~flat, 1), v / end.where(~flat, 1)
    # Exact for small and for large angles, where the inner product's arc cosine is not.
    angle = 2 * torch.atan2((u - v).norm(dim=1, keepdim=True), (u + v).norm(dim=1, keepdim=True))
    flat = flat | (angle == 0)
    if bool((~flat & (math.pi - angle < NARROWEST)).any()):
        raise ValueError(
            "`a` and `b` must not lie opposite to each other, seen from the centre, got a pair "
            "between which every arc is as short; use a straight line."
        )
    angle = angle.where(~flat, 1).unsqueeze(2)
    turned = torch.sin((1 - t) * angle) * u.unsqueeze(1) + torch.sin(t * angle) * v.unsqueeze(1)
    radius = torch.lerp(start.unsqueeze(1), end.unsqueeze(1), t)
    arc = centre + radius * turned / torch.sin(angle)
    line = torch.lerp(a.unsqueeze(1), b.unsqueeze(1), t)
    return torch.where(flat.unsqueeze(2) | (t == 0) | (t == 1), line, arc)


def traverse(z: Codes, dimension: int, values: Float[Tensor, " steps"]) -> Path:
    """Each code with one component replaced by each of some values.

    Arguments:
        z: Codes.
        dimension: The component, from 0.
        values: What it becomes.

    Raises:
        ValueError: If there is no such component.

    Examples:
        >>> traverse(torch.ones(1, 2), 1, torch.tensor([-2.0, 2.0])).tolist()
        [[[1.0, -2.0], [1.0, 2.0]]]
    """
    if not 0 <= dimension < z.shape[1]:
        raise ValueError(f"`dimension` must lie in 0..{z.shape[1] - 1}, got {dimension}.")
    path = z.unsqueeze(1).repeat(1, len(values), 1)
    path[:, :, dimension] = values.to(z)
    return path


def direction(
    present: Float[Tensor, "present latent"], absent: Float[Tensor, "absent latent"]
) -> Float[Tensor, " latent"]:
    """What codes with an attribute have more of than codes without: the difference of the means.

    With one code each it is the first half of latent arithmetic, "chair with arms" − "chair".

    Source: Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016,
        section 4.2 (attribute vectors); Radford et al., DCGAN, 2016, section 6.3.2.
    Our reading: not the normal of a classifier between the two. That says how to tell them apart,
        not how they differ: it ignores components that change with the attribute but are noisy,
        leans on others that cancel noise, has no length, and with fewer examples than components
        is a matter of its regularisation (Haufe et al., NeuroImage 2014: a filter, no pattern).
        The difference of the means moves the one group onto the other at strength 1.

    Raises:
        ValueError: If a group is empty.
    """
    for name, group in (("present", present), ("absent", absent)):
        if not len(group):
            raise ValueError(f"`{name}` must have at least one code, got none.")
    return present.mean(0) - absent.mean(0)


def move_along(
    z: Codes, step: Float[Tensor, " latent"], strengths: Float[Tensor, " steps"]
) -> Path:
    """Each code plus some multiples of a direction.

    Arguments:
        z: Codes.
        step: What strength 1 adds.
        strengths: The multiples; 0 leaves the code as it is, to the bit.

    Examples:
        >>> with_arms, chair, table = torch.eye(3).unsqueeze(1)
        >>> move_along(table, direction(with_arms, chair), torch.tensor([1.0]))
        tensor([[[ 1., -1.,  1.]]])
    """
    return z.unsqueeze(1) + strengths.to(z).view(-1, 1) * step
