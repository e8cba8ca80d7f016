"""How to build every network and method of point clouds, as `cases.py` for all others."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nebulatent.backbones.dgcnn import SCENES, DGCNNClassifier, DGCNNEncoder, DGCNNSegmenter
from nebulatent.backbones.gcn3d import PARTS, GCN3DClassifier, GCN3DEncoder, GCN3DSegmenter
from nebulatent.backbones.point_decoders import FoldingDecoder, PCNDecoder, PointMLPDecoder
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.backbones.pointnet2 import (
    MSG_PARTS,
    SSG,
    PointNet2Classifier,
    PointNet2Encoder,
    PointNet2Segmenter,
    reduced,
)
from nebulatent.backbones.pointnet_parts import PointNetPartSegmenter, PointNetSceneSegmenter
from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.methods.cloud_classifier import CloudClassifier
from nebulatent.methods.jigsaw3d import Jigsaw3D
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.methods.occo import OcCo
from nebulatent.methods.parae import ParAE
from nebulatent.methods.part_segmentation import PartSegmentation
from nebulatent.methods.point_mixup import OnMixedClouds, PointMixup
from nebulatent.methods.rotation3d import Rotation3D
from nebulatent.methods.vae import VAE
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood

ROWS, POINTS, LATENT, CLASSES, SMALL = 6, 30, 4, 4, 1 / 16


class Network(NamedTuple):
    """A point network.

    Arguments:
        name: Its name.
        build: How to build it.
        channels: Numbers per point.
        scores_points: Whether it scores points, not clouds.
        categories: Number of categories that it is told one of.
    """

    name: str
    build: Callable[[], nn.Module]
    channels: int = 3
    scores_points: bool = False
    categories: int = 0


class Task(NamedTuple):
    """A method of clouds, and whether it reads labels."""

    name: str
    build: Callable[[], nn.Module]
    supervised: bool = False


def dgcnn() -> DGCNNEncoder:
    """A small DGCNN."""
    return DGCNNEncoder(num_neighbours=5, width=SMALL)


def pointnet2() -> PointNet2Encoder:
    """A small PointNet++."""
    return PointNet2Encoder(levels=reduced(SSG, SMALL, 1 / 64), whole=(8, 16))


def gcn3d() -> GCN3DEncoder:
    """A small 3D-GCN."""
    return GCN3DEncoder(PARTS, num_neighbours=5, rate=2, supports=2, width=SMALL / 2)


def segmenter(classes: int = CLASSES) -> PointNetSegmenter:
    """A small network that scores points."""
    return PointNetSegmenter(classes, encoder=PointNetEncoder(width=SMALL), width=SMALL)


def classifier(classes: int = CLASSES) -> PointNetClassifier:
    """A small network that scores clouds."""
    encoder = PointNetEncoder(width=SMALL)
    return PointNetClassifier(classes, encoder=encoder, dropout=0.0, width=SMALL)


def folding(bottleneck: type[nn.Module]) -> Autoencoder:
    """An autoencoder of clouds."""
    encoder = PointNetEncoder(width=SMALL)
    decoder = FoldingDecoder(LATENT, side=5, hidden=8)
    return Autoencoder(encoder, bottleneck(encoder.feature_dim, LATENT), decoder)


def parts(nebula: NebulaAnchors | None = None) -> PartSegmentation:
    """Part segmentation; with anchors, each stands for a category."""
    network = PointNetPartSegmenter(CLASSES, CLASSES, dropout=0.0, width=SMALL)
    parts_of = torch.ones(CLASSES, CLASSES, dtype=torch.bool)
    if nebula is None:
        return PartSegmentation(network, parts_of)
    return PartSegmentation(network, parts_of, latent_terms=nebula, by_category=True)


def completion() -> OcCo:
    """OcCo with a small decoder."""
    encoder = PointNetEncoder(relu=False, width=SMALL)
    decoder = PCNDecoder(encoder.feature_dim, 6, 2, width=SMALL)
    return OcCo(encoder, decoder, num_visible=16, cells=4, fine_weights=((0, 1.0),))


NETWORKS = [
    Network("PointNet", lambda: PointNetClassifier(CLASSES, dropout=0.0, width=SMALL)),
    Network("PointNet plain", classifier),
    Network("PointNet 1088", lambda: PointNetSegmenter(CLASSES, width=SMALL), 3, True),
    Network(
        "PointNet parts",
        lambda: PointNetPartSegmenter(CLASSES, 3, dropout=0.0, width=SMALL),
        scores_points=True,
        categories=3,
    ),
    Network(
        "PointNet scenes",
        lambda: PointNetSceneSegmenter(CLASSES, dropout=0.0, width=SMALL),
        channels=9,
        scores_points=True,
    ),
    Network("DGCNN", lambda: DGCNNClassifier(CLASSES, encoder=dgcnn(), width=SMALL)),
    Network(
        "DGCNN parts",
        lambda: DGCNNSegmenter(CLASSES, 3, num_neighbours=5, input_transform=True, width=SMALL),
        scores_points=True,
        categories=3,
    ),
    Network(
        "DGCNN scenes",
        lambda: DGCNNSegmenter(
            CLASSES, in_channels=9, num_neighbours=5, graph_start=6, hidden=SCENES, width=SMALL
        ),
        channels=9,
        scores_points=True,
    ),
    Network("PointNet++", lambda: PointNet2Classifier(CLASSES, encoder=pointnet2(), width=SMALL)),
    Network(
        "PointNet++ parts",
        lambda: PointNet2Segmenter(
            CLASSES, 3, levels=reduced(MSG_PARTS, SMALL, 1 / 64), whole=(8, 16), width=SMALL
        ),
        scores_points=True,
        categories=3,
    ),
    Network("3D-GCN", lambda: GCN3DClassifier(CLASSES, encoder=gcn3d(), width=SMALL)),
    Network(
        "3D-GCN parts",
        lambda: GCN3DSegmenter(CLASSES, 3, encoder=gcn3d(), width=SMALL),
        scores_points=True,
        categories=3,
    ),
]

TASKS = [
    Task("ParAE", lambda: ParAE(segmenter(8))),
    Task(
        "ParAE + nebula",
        lambda: ParAE(segmenter(), latent_terms=NebulaAnchors(3, 64, metric=True)),
    ),
    Task(
        "ParAE DGCNN",
        lambda: ParAE(DGCNNSegmenter(CLASSES, num_neighbours=5, width=SMALL)),
    ),
    Task("Jigsaw3D", lambda: Jigsaw3D(segmenter(8), cells=2)),
    Task("Rotation3D", lambda: Rotation3D(classifier(6))),
    Task("OcCo", completion),
    Task("mixed ParAE", lambda: OnMixedClouds(ParAE(segmenter()))),
    Task("classifier", lambda: CloudClassifier(classifier()), supervised=True),
    Task("PointMixup", lambda: PointMixup(classifier()), supervised=True),
    Task("parts", parts, supervised=True),
    Task("parts + nebula", lambda: parts(NebulaAnchors(CLASSES, 128, metric=True)), True),
    Task("AE Chamfer", lambda: VAE(folding(Deterministic), likelihood=ChamferLikelihood())),
    Task(
        "NVC-ML Chamfer",
        lambda: NVC(
            folding(Variational),
            NebulaAnchors(3, LATENT, metric=True),
            likelihood=ChamferLikelihood(),
        ),
    ),
]

CLOUD_DECODERS = [
    lambda: PointMLPDecoder(LATENT, 9, (8, 8)),
    lambda: FoldingDecoder(LATENT, side=3, hidden=8),
    lambda: PCNDecoder(LATENT, 5, 2, width=SMALL),
]


def clouds(channels: int = 3) -> Tensor:
    """Clouds in the cube from -1 to 1."""
    return torch.rand(ROWS, POINTS, channels) * 2 - 1


def batch() -> Batch:
    """A batch of clouds with labels that have nothing to do with them."""
    label, part = torch.arange(ROWS) % CLASSES, torch.arange(ROWS * POINTS).view(ROWS, POINTS)
    return Batch(clouds(), label=label, also={"parts": part % CLASSES})


def built() -> list[nn.Module]:
    """One of each."""
    cases = [*NETWORKS, *TASKS]
    return [*(case.build() for case in cases), *(build() for build in CLOUD_DECODERS)]
