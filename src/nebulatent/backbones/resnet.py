"""ResNet-18 as an encoder of pictures, whose weights can be read from a torchvision file.

Source: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, table 1, 18
layers, without the classifier. Parameters are named and shaped as in torchvision's `resnet18`, so
that its files fit; torchvision itself is not needed.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import relu

from nebulatent.typing import Float, Tensor

WIDTHS = (64, 128, 256, 512)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut around them.

    Arguments:
        fan_in: Channels that come in.
        fan_out: Channels that go out.
        stride: Of the first convolution.
    """

    def __init__(self, fan_in: int, fan_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(fan_out)
        self.conv2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(fan_out)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or fan_in != fan_out:
            shortcut = nn.Conv2d(fan_in, fan_out, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(fan_out))

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Feature maps, `stride` times smaller."""
        h = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(h + self.downsample(x))


class ResNet18(nn.Module):
    """Eight residual blocks, then one fully connected layer with batch normalisation.

    Arguments:
        size: Height and width of a picture; 137 gives maps of 5 × 5.
        feature_dim: Number of features.
        in_channels: Channels of a picture; pretrained weights want 3.
        widths: Channels of the four stages.
    """

    def __init__(
        self,
        size: int = 137,
        feature_dim: int = 1024,
        *,
        in_channels: int = 3,
        widths: tuple[int, int, int, int] = WIDTHS,
    ) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        stages = OrderedDict[str, nn.Module]()
        stages["conv1"] = nn.Conv2d(in_channels, widths[0], 7, 2, 3, bias=False)
        stages["bn1"] = nn.BatchNorm2d(widths[0])
        stages["relu"] = nn.ReLU()
        stages["maxpool"] = nn.MaxPool2d(3, 2, 1)
        fan_in = widths[0]
        for number, width in enumerate(widths, start=1):
            first = ResidualBlock(fan_in, width, 1 if number == 1 else 2)
            stages[f"layer{number}"] = nn.Sequential(first, ResidualBlock(width, width, 1))
            fan_in = width
        self.trunk = nn.Sequential(stages)
        side = size
        for _ in range(5):
            side = -(-side // 2)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(fan_in * side**2, feature_dim),
            nn.BatchNorm1d(feature_dim),
        )
        for module in self.trunk.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Features `(batch, feature_dim)`."""
        return self.head(self.trunk(x))

    def load_torchvision(self, path: str | Path) -> None:
        """Take the trunk's weights from a file of torchvision's `resnet18`; its classifier is left.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file does not hold these weights.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"`path` must be a file of torchvision's resnet18 weights, got {path}; download it "
                "from https://download.pytorch.org/models/resnet18-f37072fd.pth."
            )
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.trunk.load_state_dict(
                {name: value for name, value in state.items() if not name.startswith("fc.")}
            )
        except Exception as error:
            raise ValueError(
                f"`path` must hold the weights of torchvision's resnet18, got {path}, which does "
                f"not: {str(error).splitlines()[0]}"
            ) from error
