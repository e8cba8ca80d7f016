"""What reads pictures of a shape, from its config."""

import hashlib

from torch import nn

from nebulatent.apps.planning.view_plan import ViewConfig
from nebulatent.backbones.images import ConvEncoder
from nebulatent.backbones.resnet import ResNet18
from nebulatent.backbones.views import MultiViewEncoder


def build_view_encoder(config: ViewConfig) -> MultiViewEncoder:
    """Encoder of all pictures of a shape, with freshly drawn weights.

    Raises:
        ValueError: If ResNet-18 is to read pictures that are not square.
    """
    _, colours, height, width = config.shape
    *channels, features = config.widths
    if config.encoder == "conv":
        one = ConvEncoder((colours, height, width), channels, features)
    elif height != width:
        raise ValueError(f"`views.shape` must be square for resnet18, got {height}×{width}.")
    else:
        first, second, third, fourth = channels
        stages = (first, second, third, fourth)
        one = ResNet18(height, features, in_channels=colours, widths=stages)
    return MultiViewEncoder(one, config.aggregate, feature_dim=features)


def begin_views(model: nn.Module, weights: str) -> str:
    """Let a model's encoder of pictures begin with the weights of torchvision's `resnet18`.

    Arguments:
        model: A model that `build` made.
        weights: The file.

    Returns:
        SHA-256 of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold these weights.
    """
    for module in model.modules():
        if isinstance(module, ResNet18):
            module.load_torchvision(weights)
    with open(weights, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
