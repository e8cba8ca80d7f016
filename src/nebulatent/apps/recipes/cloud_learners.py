"""What pretext tasks train: one encoder of clouds, and behind it what each task needs.

| task | behind the encoder |
|---|---|
| ParAE, Jigsaw3D | the network's segmentation head |
| Rotation3D | its classification head |
| OcCo | PCN's decoder of coarse and fine points |
| FoldingNet | two folds of a square; Chamfer distance with a learned noise level |
| NVC-ML | the variational autoencoder with anchors that `nebulatent fit` plans for a cloud's size |

Our reading: DGCNN is the segmentation network's trunk for every task, Rotation3D's too, whose paper
takes the classification network; else rows would differ in their encoders.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import nn

from nebulatent.apps.planning.build import CLOUD_LOGVAR, build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.cloud_plan import COUNTED
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.recipes.cloud_data import CloudData
from nebulatent.apps.recipes.recipe import Given
from nebulatent.backbones.dgcnn import DGCNNSegmenter
from nebulatent.backbones.point_decoders import FoldingDecoder, PCNDecoder
from nebulatent.backbones.point_layers import class_head, scaled
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.backbones.prediction import PointNetwork, Prediction
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.jigsaw3d import Jigsaw3D
from nebulatent.methods.nvc import NVC
from nebulatent.methods.occo import OcCo
from nebulatent.methods.parae import ParAE
from nebulatent.methods.rotation3d import Rotation3D
from nebulatent.methods.vae import VAE
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood
from nebulatent.typing import Float, Tensor

Host = Literal["pointnet", "dgcnn"]
Task = Literal["parae", "jigsaw3d", "rotation3d", "occo", "foldingnet", "nvc-ml"]
CloudSetting = Given[CloudData]

CELLS, ROTATIONS = 3, 18  # as in the papers
NEIGHBOURS = 20 / 1024  # of a point in DGCNN, as a share of the points: as wide as in the paper
FOLDING_CODE = 512
# OcCo gives the fine cloud more weight from 0, 10 000, 20 000 and 50 000 of its 154 000 steps on;
# here from the same shares of the steps.
FINE_WEIGHTS = ((0.0, 0.01), (0.065, 0.1), (0.13, 0.5), (0.325, 1.0))


class Learner(NamedTuple):
    """A method, and the encoder that is kept of it.

    Arguments:
        method: What is trained.
        features: Clouds → features: the encoder inside the method.
    """

    method: nn.Module
    features: Callable[[Tensor], Float[Tensor, "batch features"]]


class WholeCloudScores(nn.Module):
    """Scores of whole clouds by the trunk of a network that scores points.

    Arguments:
        trunk: Has the feature that is scored.
        num_classes: Number of classes.
        width: Multiplies the channels of the head.
    """

    def __init__(self, trunk: DGCNNSegmenter, num_classes: int, width: float) -> None:
        super().__init__()
        self.trunk, self.feature_dim, self.num_classes = trunk, trunk.feature_dim, num_classes
        self.head = class_head([trunk.feature_dim, *scaled((512, 256), width)], num_classes, 0.5)

    def forward(self, points: Float[Tensor, "batch points 3"]) -> Prediction:
        """Scores of each cloud."""
        h = self.features(points)
        return Prediction(self.head(h), h)

    def features(self, points: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch features"]:
        """The trunk's feature."""
        return self.trunk.features(points)


def build_learner(task: Task, host: Host, setting: CloudSetting, lr: float) -> Learner:
    """Create a method with freshly drawn weights; the global random state is not touched."""
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        match task:
            case "parae":
                network = _point_scores(host, setting.data.sizes.components, setting.data)
                return Learner(ParAE(network), network.features)
            case "jigsaw3d":
                network = _point_scores(host, CELLS**3, setting.data)
                return Learner(Jigsaw3D(network, cells=CELLS), network.features)
            case "rotation3d":
                network = _cloud_scores(host, ROTATIONS, setting.data)
                return Learner(Rotation3D(network), network.features)
            case "occo":
                return _occo(host, setting)
            case "foldingnet":
                return _folding(host, setting.data)
            case "nvc-ml":
                return _nvc(setting, lr)


def _point_scores(host: Host, count: int, data: CloudData) -> PointNetSegmenter | DGCNNSegmenter:
    num_points, width = data.sizes.num_points, data.sizes.width
    if host == "pointnet":
        return PointNetSegmenter(count, encoder=PointNetEncoder(width=width), width=width)
    return DGCNNSegmenter(count, num_neighbours=max(1, round(NEIGHBOURS * num_points)), width=width)


def _cloud_scores(host: Host, count: int, data: CloudData) -> PointNetwork:
    width = data.sizes.width
    if host == "pointnet":
        return PointNetClassifier(count, encoder=PointNetEncoder(width=width), width=width)
    trunk = _point_scores(host, 1, data)
    assert isinstance(trunk, DGCNNSegmenter)
    return WholeCloudScores(trunk, count, width)


def _encoder(host: Host, data: CloudData) -> PointNetEncoder:
    if host == "dgcnn":
        raise ValueError("`host` must be pointnet for a task that decodes clouds, got dgcnn.")
    return PointNetEncoder(width=data.sizes.width)


def _occo(host: Host, setting: CloudSetting) -> Learner:
    """Half of the points are seen; the coarse cloud has a quarter, and patches of two by two."""
    data, budget = setting.data, setting.budget
    num_points, width = data.sizes.num_points, data.sizes.width
    steps = budget.epochs * -(-data.clouds.train.num_samples // budget.batch_size)
    encoder = _encoder(host, data)
    decoder = PCNDecoder(encoder.feature_dim, num_points // 4, side=2, width=width)
    method = OcCo(
        encoder,
        decoder,
        num_visible=num_points // 2,
        fine_weights=[(round(share * steps), weight) for share, weight in FINE_WEIGHTS],
    )
    return Learner(method, encoder)


def _folding(host: Host, data: CloudData) -> Learner:
    num_points, width = data.sizes.num_points, data.sizes.width
    encoder = _encoder(host, data)
    code, hidden = scaled((FOLDING_CODE, 512), width)
    decoder = FoldingDecoder(code, side=round(num_points**0.5), hidden=hidden)
    bottleneck = Deterministic(encoder.feature_dim, code)
    likelihood = ChamferLikelihood(COUNTED)
    nn.init.constant_(likelihood.logvar, CLOUD_LOGVAR)
    method = VAE(Autoencoder(encoder, bottleneck, decoder), likelihood=likelihood)
    return Learner(method, encoder)


def _nvc(setting: CloudSetting, lr: float) -> Learner:
    """As planned by `nebulatent fit`, for clouds of as many points as a step sees."""
    clouds, sizes = setting.data.clouds, setting.data.sizes
    choices = Choices(
        method="nvc-ml",
        point_width=sizes.width,
        epochs=setting.budget.epochs,
        batch_size=setting.budget.batch_size,
        lr=lr,
        seed=setting.seed,
    )
    few = clouds.train._replace(x=clouds.train.x[:][:, : sizes.num_points])
    method = build(plan(few, clouds.scaling, choices).model, setting.seed)
    assert isinstance(method, NVC)
    return Learner(method, method.autoencoder.encoder)
