"""Pictures of one thing from several sides: sizes, aggregates, weights from a file."""

from pathlib import Path

import pytest
import torch

from nebulatent.backbones.images import ConvEncoder
from nebulatent.backbones.resnet import ResNet18
from nebulatent.backbones.views import Aggregate, MultiViewEncoder

SMALL = (2, 3, 2, 3)


def test_a_picture_of_137_pixels_has_maps_of_5_by_5_and_the_trunk_its_known_size() -> None:
    with torch.device("meta"):
        network = ResNet18()
        assert network.trunk(torch.rand(2, 3, 137, 137)).shape == (2, 512, 5, 5)
        assert network(torch.rand(2, 3, 137, 137)).shape == (2, 1024)
        # torchvision's resnet18 has 11 689 512, of which 513 000 are the classifier's.
        assert sum(p.numel() for p in network.trunk.parameters()) == 11_689_512 - 513_000
        whole = MultiViewEncoder(network)
        assert whole(torch.rand(2, 8, 3, 137, 137)).shape == (2, 1024)


def test_weights_are_named_as_torchvision_names_them() -> None:
    names = set(ResNet18(32, 4, widths=SMALL).trunk.state_dict())
    assert {
        "conv1.weight",
        "bn1.running_mean",
        "layer1.1.conv2.weight",
        "layer2.0.downsample.0.weight",
        "layer4.0.downsample.1.bias",
        "layer4.1.bn2.num_batches_tracked",
    } <= names
    assert not any(name.startswith("layer1.0.downsample") for name in ResNet18().trunk.state_dict())


def test_a_file_of_weights_is_taken_without_its_classifier(tmp_path: Path) -> None:
    one, other = (ResNet18(32, 4, widths=SMALL) for _ in range(2))
    torch.save(
        {**one.trunk.state_dict(), "fc.weight": torch.zeros(9, 3), "fc.bias": torch.zeros(9)},
        tmp_path / "resnet18.pth",
    )
    other.load_torchvision(tmp_path / "resnet18.pth")
    assert all(
        torch.equal(a, b)
        for a, b in zip(one.trunk.parameters(), other.trunk.parameters(), strict=True)
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    network = ResNet18(32, 4, widths=SMALL)
    with pytest.raises(FileNotFoundError, match="must be a file of torchvision's resnet18"):
        network.load_torchvision(tmp_path / "none.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"code": test_other_files_are_refused}, tmp_path / "pickle.pth")
    for name in ("other", "text", "pickle"):
        with pytest.raises(ValueError, match="must hold the weights of torchvision's resnet18"):
            network.load_torchvision(tmp_path / f"{name}.pth")


@pytest.mark.parametrize(("aggregate", "ordered"), [("gru", True), ("max", False), ("mean", False)])
def test_only_the_recurrent_unit_sees_the_order_of_views(
    aggregate: Aggregate, ordered: bool
) -> None:
    network = MultiViewEncoder(ConvEncoder((1, 8, 8), (2, 3), 6), aggregate, feature_dim=6).eval()
    x = torch.rand(2, 4, 1, 8, 8)
    assert torch.allclose(network(x), network(x.flip(1)), atol=1e-6) != ordered
    assert network(x[:, :1]).shape == (2, 6)


def test_an_aggregate_that_changes_nothing_of_the_size_says_so() -> None:
    with pytest.raises(ValueError, match="`feature_dim` must be the view encoder's 6"):
        MultiViewEncoder(ConvEncoder((1, 8, 8), (2,), 6), "max", feature_dim=7)
