r"""The triplet term over every (i, p, n) of a batch, without a codes x codes x codes tensor.

.. math:: L = \operatorname{mean}_{(i,p,n)} \ln\max\bigl(1,\ 2 - r\bigr),\qquad
          r = \frac{v}{u},\quad u = |z_i - z_p|^2 + 0.01,\quad v = |z_i - z_n|^2 \qquad (16)

A triplet counts only where r < 1, and there the logarithm is a short sum of powers,

.. math:: \ln(2 - r) = \sum_k c_k\,(r^{e_k} - 1),\qquad r^e = u^{-e}\, v^e ,

which separates u from v. So each row i sorts its u's (positives) and v's (negatives) together once;
then the negatives that count for a positive are those before it, and all that is needed are prefix
sums of v^e, read at the positives, and suffix sums of u^-e, read at the negatives:

.. math:: L_i = \sum_k c_k \sum_p \Bigl(u_p^{-e_k} \sum_{v_n<u_p} v_n^{e_k} - \#_p\Bigr),\quad
          v_n \frac{\partial L_i}{\partial v_n} = \sum_k e_k c_k v_n^{e_k}\sum_{u_p>v_n} u_p^{-e_k}

and the same with the sums exchanged for :math:`-u_p\,\partial L_i/\partial u_p`. Time is
O(B^2 log B + K B^2), memory one block of rows.

The exponents are sparse: :math:`-\ln(1-r/2) = \sum_j 2^{-j} r^j/j` is a positive measure over j,
and its Gauss rules thin out towards large j. 7 do for float32, 11 for float64, where Chebyshev
needs 9 and 13. The fit is made on the derivative :math:`-1/(2-r)`, and vanishes at r = 1 as the
logarithm does, so that the error is *relative* in value and gradient, even if every r is near 1.
"""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.ops.known_gradients import with_gradients
from nebulatent.typing import Bool, Float, Int, Tensor

# Pairs whose distances are computed together, and pairs sorted and summed together. On a CPU the
# latter stay in a core's cache, and twice as many are the most that PyTorch gives to one thread: of
# hundreds of operations this short, each would otherwise wait for the slowest thread, which takes
# milliseconds where cores are shared.
_GROUP = 1 << 20
_CPU_BLOCK = 1 << 14
_FEW = 1 << 19  # triplets of a block that are faster one by one than sorted


class _Series(NamedTuple):
    """Terms of ln(2 - r) = sum_k c_k (r^e_k - 1) on [0, 1].

    Arguments:
        exponents: e_k, ascending from 1; every gap between neighbours is itself an exponent.
        coefficients: c_k.
    """

    exponents: tuple[int, ...]
    coefficients: tuple[float, ...]


@cache
def _series(single: bool) -> _Series:
    """Least squares on Chebyshev points; relative error 3e-7 (single) or 8e-11 (double)."""
    exponents = (1, 2, 3, 4, 5, 7, 11) if single else (1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 18)
    r = 0.5 - 0.5 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    basis = np.stack([e * r ** (e - 1) for e in exponents], axis=1)
    coefficients = np.linalg.lstsq(basis, -1 / (2 - r), rcond=None)[0]
    return _Series(exponents, tuple(coefficients.tolist()))


def triplet_loss(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"], *, margin: float = 0.01
) -> Float[Tensor, ""]:
    """Mean of ln max(1, 2 - d_in / (d_ip + margin)) over all valid triplets, Eq. (16).

    A triplet (i, p, n) is valid when i != p, `label[i] == label[p]` and `label[n] != label[i]`;
    d is the squared Euclidean distance. With no valid triplet the value and its gradient are 0.

    The gradient is computed together with the value, so `backward` is one multiplication and
    nothing but it (codes x latent) is kept; it cannot be differentiated again.

    Arguments:
        z: Codes.
        label: Cluster of each code; any integers.
        margin: Added to the distance to the positive; > 0.

    Raises:
        ValueError: If `margin` is not positive or `label` has another length than `z`.

    Shape:
        Input: (codes, latent) and (codes,). Output: scalar, of the dtype of `z`.

    Examples:
        >>> z = torch.tensor([[0.0], [1.0], [0.5]])
        >>> triplet_loss(z, torch.tensor([0, 0, 1]))  # ln(2 - 0.25 / 1.01)
        tensor(0.5610)
    """
    value, gradient = triplet_value_and_gradient(z, label, margin=margin)
    return with_gradients([z], [value], [[gradient]])[0]


def triplet_value_and_gradient(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"], *, margin: float = 0.01
) -> tuple[Float[Tensor, ""], Float[Tensor, "codes latent"]]:
    """`triplet_loss` and its gradient (0 where `z` needs none)."""
    if not margin > 0:
        raise ValueError(f"`margin` must be > 0, got {margin}; the paper has 0.01.")
    if len(label) != len(z):
        raise ValueError(
            f"`label` must have one entry per code, got {len(label)} for {len(z)} codes."
        )
    return _triplets(z.detach(), label, float(margin), z.requires_grad)


@torch.library.custom_op("nebulatent::triplets", mutates_args=())
def _triplets(
    z: Tensor, label: Tensor, margin: float, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """Value and gradient as one operator, which `torch.compile` takes as it is."""
    value, gradient = _value_and_gradient(z, label, margin, with_gradient)
    return value.to(z.dtype), gradient.to(z.dtype)


@_triplets.register_fake
def _(z: Tensor, label: Tensor, margin: float, with_gradient: bool) -> tuple[Tensor, Tensor]:
    return z.new_empty(()), torch.empty_like(z)


def _value_and_gradient(
    z: Float[Tensor, "codes latent"],
    label: Int[Tensor, " codes"],
    margin: float,
    with_gradient: bool,
) -> tuple[Float[Tensor, ""], Float[Tensor, "codes latent"]]:
    """Loss and dL/dz (0 if not wanted) in float64, block of rows by block of rows."""
    x = z.detach().double()
    x = x - x.mean(0)
    exact = z.dtype == torch.float64
    series = _series(not exact)
    total, valid = x.new_zeros(()), x.new_zeros(())
    gradient = torch.zeros_like(x)
    block_pairs = _CPU_BLOCK if x.device.type == "cpu" else _GROUP
    per_group, per_block = (max(1, pairs // max(1, len(x))) for pairs in (_GROUP, block_pairs))
    for start in range(0, len(x), per_group):
        rows = slice(start, start + per_group)
        pairs = _squared_distances(x, rows, exact)
        for block, names in zip(pairs.split(per_block), label[rows].split(per_block), strict=True):
            same = names[:, None] == label
            positive = same.clone()
            positive.diagonal(start).fill_(False)
            start += len(block)
            members = positive.sum(1)
            valid += (members * (len(x) - 1 - members)).sum()
            if int(members.sum()) * len(x) <= _FEW:
                total += _direct_sums(block, same, positive, margin, single=not exact)
            else:
                total += _row_sums(block, positive, margin, series, with_gradient)
        if with_gradient:
            _add_gradient(gradient, x, rows, slope=pairs)
    valid.clamp_(min=1)
    return total / valid, gradient.div_(valid)


def _squared_distances(
    x: Float[Tensor, "codes latent"], rows: slice, exact: bool
) -> Float[Tensor, "rows codes"]:
    """Squared distances of a block; the Gram matrix (error 1e-16 |x|^2) unless `exact`."""
    if exact:
        mode = "donot_use_mm_for_euclid_dist"
        return torch.cdist(x[rows], x, compute_mode=mode).square_()
    norm = x.square().sum(1)
    distance = torch.addmm(norm[rows, None] + norm, x[rows], x.T, alpha=-2).clamp_(min=0)
    distance.diagonal(rows.start).zero_()
    return distance


def _add_gradient(
    gradient: Float[Tensor, "codes latent"],
    x: Float[Tensor, "codes latent"],
    rows: slice,
    slope: Float[Tensor, "rows codes"],
) -> None:
    """Add what a block's dL/d|x_i - x_j|^2 says of x_i and of x_j."""
    block = x[rows]
    gradient[rows] += 2 * (slope.sum(1, keepdim=True) * block - slope @ x)
    gradient += 2 * (slope.sum(0)[:, None] * x - slope.T @ block)


def _direct_sums(
    distance: Float[Tensor, "rows codes"],
    same: Bool[Tensor, "rows codes"],
    positive: Bool[Tensor, "rows codes"],
    margin: float,
    *,
    single: bool,
) -> Float[Tensor, ""]:
    """As `_row_sums`, triplet by triplet: one row of negatives for each (i, p).

    Where v is not a negative's it is so large that the triplet does not count.
    """
    far = 2 * (distance.max() + margin)
    v = torch.where(same, far, distance)
    row, column = positive.nonzero(as_tuple=True)
    u_inverse = (distance[row, column] + margin).reciprocal_().unsqueeze(1)
    if single:
        v, u_inverse = v.float(), u_inverse.float()
    r, rest, slope = v.new_empty(3, len(row), len(v[0]))
    torch.index_select(v, 0, row, out=r)
    torch.sub(2, r.mul_(u_inverse), out=rest)
    torch.sub(rest.clamp_min_(1), 1, out=slope)
    slope.sign_().div_(rest).mul_(u_inverse)  # -dL/dv; 0 where it does not count
    by_u = torch.linalg.vecdot(slope, r).to(distance.dtype)
    by_v = v.zero_().index_add_(0, row, slope)
    distance.copy_(by_v.neg_())
    distance[row, column] = by_u
    return _sum_of_logarithms(rest.flatten()).to(distance.dtype)


def _sum_of_logarithms(x: Float[Tensor, " values"]) -> Float[Tensor, ""]:
    """Sum of ln x for x in [1, 2]: eight factors are multiplied before each logarithm."""
    whole = len(x) // 8 * 8
    return x[:whole].view(8, -1).prod(0).log_().sum() + x[whole:].log().sum()


def _row_sums(
    distance: Float[Tensor, "rows codes"],
    positive: Bool[Tensor, "rows codes"],
    margin: float,
    series: _Series,
    with_gradient: bool,
) -> Float[Tensor, ""]:
    """Sum of Eq. (16) over a block's triplets; `distance` becomes its derivative by `distance`.

    The code itself is neither positive nor negative; it is left among the negatives, where its
    distance 0 adds nothing to any power sum, and is taken out of the count.
    """
    # u and v over the geometric mean of their extremes: no power of them over- or underflows.
    scale = ((distance.max() + margin) * margin).sqrt()
    key, mark, column = _sort_rows(torch.add(distance, positive, alpha=margin) / scale, positive)
    safe = key.clamp(min=torch.finfo(key.dtype).tiny)
    moments, sums = _contract(key - key * mark, mark / safe, series, with_gradient)
    if with_gradient:
        slope = (sums[..., 1].flip(1) - sums[..., 0]).div_(safe.mul_(scale))
        distance.zero_().scatter_(1, column, slope)
    return moments - sum(series.coefficients) * _count_active(mark)


def _sort_rows(
    key: Float[Tensor, "rows codes"], positive: Bool[Tensor, "rows codes"]
) -> tuple[Float[Tensor, "rows kept"], Float[Tensor, "rows kept"], Int[Tensor, "rows kept"]]:
    """Sort each row and drop the columns after the last positive of any row.

    Floats >= 0 order like their bits read as integers. The lowest bits make room for the column and
    the mark of a positive (relative change 2^-40 at 2048 codes), so that values alone are sorted:
    on a CPU numpy does it 30 times as fast as `torch.sort` with its indices.

    Returns:
        Sorted keys, 1 where the key is a positive's and 0 elsewhere, and the column each came from.
    """
    codes = key.shape[1]
    mask = (1 << ((codes - 1).bit_length() + 1)) - 1
    tag = torch.arange(0, 2 * codes, 2, device=key.device) + positive
    packed = key.view(torch.int64).bitwise_and(~mask).bitwise_or_(tag)
    if packed.device.type == "cpu":
        packed.numpy().sort(axis=1)
    else:
        packed = packed.sort(dim=1).values
    mark = packed & 1
    kept = int((mark.amax(0) * torch.arange(1, codes + 1, device=key.device)).max())
    packed, mark = packed[:, :kept], mark[:, :kept]
    return (
        (packed & ~mask).view(key.dtype),
        mark.to(key.dtype),
        (packed & mask).bitwise_right_shift_(1),
    )


def _count_active(mark: Float[Tensor, "rows kept"]) -> Float[Tensor, ""]:
    """Number of (p, n) with v_n < u_p: keys before each positive that are no positives nor i."""
    rank = torch.arange(mark.shape[1], device=mark.device, dtype=mark.dtype)
    members = mark.sum(1)
    return (mark @ rank).sum() - (members * (members + 1)).sum() / 2


def _contract(
    v: Float[Tensor, "rows kept"],
    u_inverse: Float[Tensor, "rows kept"],
    series: _Series,
    with_gradient: bool,
) -> tuple[Float[Tensor, ""], Float[Tensor, "rows kept 2"]]:
    """Power sums: prefixes of v^e read by u^-e, and suffixes of u^-e read by v^e.

    The last axis holds the two, the second in reverse order: one complex prefix sum does both at
    the price of one. All large arrays live in one allocation, which the allocator then keeps for
    the next call.

    Returns:
        sum_k c_k u_p^-e_k v_n^e_k over the pairs that count, and sum_k e_k c_k of the same over n
        for each p ([..., 0]) and over p for each n ([..., 1], in reverse order).
    """
    gaps = sorted({b - a for a, b in pairwise(series.exponents)})
    work = v.new_empty(len(gaps) + 2, 2, *v.shape, 2)
    running, prefix, sums = work[-2], work[-1, 0], work[-1, 1].zero_()
    power = dict(zip(gaps, work, strict=False))
    torch.complex(v, u_inverse.flip(1), out=torch.view_as_complex(power[1][0]))
    power[1][1] = power[1][0].flatten(1).flip(1).view_as(prefix)
    value, last, previous = v.new_zeros(()), 0, power[1]
    for exponent, coefficient in zip(series.exponents, series.coefficients, strict=True):
        if last:
            target = power.get(exponent, running)
            for half in range(2):
                torch.mul(previous[half], power[exponent - last][half], out=target[half])
            previous = target
        last = exponent
        torch.cumsum(torch.view_as_complex(previous[0]), 1, out=torch.view_as_complex(prefix))
        product = prefix.mul_(previous[1])
        value.add_(product.sum(), alpha=coefficient / 2)
        if with_gradient:
            sums.add_(product, alpha=exponent * coefficient)
    return value, sums
