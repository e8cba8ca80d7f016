"""What reads pictures of a shape, from its config."""

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
