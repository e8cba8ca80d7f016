r"""Structural similarity: do two images agree in local brightness, contrast and pattern?

.. math:: \text{SSIM}(x, y) = \operatorname*{mean}_{\text{windows}}
    \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
    {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}, \qquad
    c_1 = 0.01^2,\; c_2 = 0.03^2

with means, variances and covariance weighted by a Gaussian window.
"""

import torch

from nebulatent.typing import Float, Tensor

WINDOW, WIDTH = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def ssim(
    x: Float[Tensor, "batch channels height width"],
    recon: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, " batch"]:
    """Structural similarity of each pair of images with values in [0, 1]; 1 if equal.

    Source: Wang et al., IEEE Transactions on Image Processing 2004, Eq. (13), with its constants.
    Our reading: only windows inside the image count, as in the authors' program; channels are
        averaged. Images smaller than the window of 11 pixels take the largest odd window that
        fits, which makes their values no match for those of larger images.
    """
    half = (min(WINDOW, *x.shape[-2:]) - 1) // 2
    rows, columns = (_windows(length, half).to(x.device) for length in x.shape[-2:])
    x, y = x.double(), recon.double()
    # Two products with banded matrices: the window is separable, and double-precision
    # convolutions are several times slower on a CPU.
    mean_x, mean_y, square_x, square_y, product = (
        rows.T @ image @ columns for image in (x, y, x * x, y * y, x * y)
    )
    var_x, var_y = square_x - mean_x**2, square_y - mean_y**2
    cov = product - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    pattern = (2 * cov + C2) / (var_x + var_y + C2)
    return (brightness * pattern).flatten(1).mean(1)


def _windows(length: int, half: int) -> Float[Tensor, "length centres"]:
    """One Gaussian window per column, around each pixel that has `half` others on both sides."""
    offset = torch.arange(length)[:, None] - torch.arange(half, length - half)
    weight = (offset.double().square() / (-2 * WIDTH**2)).exp() * (offset.abs() <= half)
    return weight / weight.sum(0)
