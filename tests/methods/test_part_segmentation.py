"""Part segmentation: its loss in loops, where anchors act, what is told and what is refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nebulatent.backbones.gcn3d import PARTS as CHANNELS
from nebulatent.backbones.gcn3d import GCN3DEncoder, GCN3DSegmenter
from nebulatent.backbones.pointnet_parts import PointNetPartSegmenter
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.methods.part_segmentation import PartSegmentation, best_parts
from nebulatent.terms import NO_TERMS, Terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles.parts import best_part, cross_entropy

CLOUDS, POINTS = 6, 20
OWN = [[0, 1], [2], [3, 4]]
PARTS_OF = torch.tensor([[part in own for part in range(5)] for own in OWN])
SMALL = 1 / 16


def network(categories: int = 3, parts: int = 5) -> PointNetPartSegmenter:
    """A small network without chance."""
    return PointNetPartSegmenter(parts, categories, dropout=0.0, width=SMALL)


def labelled() -> Batch:
    """Clouds with categories and parts of theirs."""
    category = torch.arange(CLOUDS) % 3
    parts = torch.tensor([[OWN[c][i % len(OWN[c])] for i in range(POINTS)] for c in category])
    return Batch(torch.rand(CLOUDS, POINTS, 3) * 2 - 1, label=category, also={"parts": parts})


def anchors(method: torch.nn.Module, *, metric: bool) -> NebulaAnchors:
    """One for each category, near the codes."""
    dim = method.feature_dim
    nebula = NebulaAnchors(3, dim, metric=metric, scale=dim**-0.5)
    nebula.anchors.positions.data.mul_(dim**-0.5)
    return nebula


@pytest.mark.usefixtures("float64")
def test_the_loss_is_the_cross_entropy_over_all_parts(matches: Callable[..., None]) -> None:
    host, batch = network(), labelled()
    terms = PartSegmentation(host, PARTS_OF)(batch)
    prediction = host(batch.x, batch.label)
    expected = cross_entropy(prediction.logits.tolist(), batch.also["parts"].tolist())
    matches(terms.values["parts"], expected)
    matches(terms.values["transform"], prediction.terms.values["transform"].item())
    assert terms.values.keys() == {"parts", "transform"} and terms.weights["transform"] == 0.001


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("by_category", [False, True])
def test_anchors_see_the_feature_over_the_root_of_its_size(
    by_category: bool, matches: Callable[..., None]
) -> None:
    host, batch = network(), labelled()
    nebula = anchors(host, metric=True)
    method = PartSegmentation(host, PARTS_OF, latent_terms=nebula, by_category=by_category)
    found = method(batch).values
    z = host(batch.x, batch.label).h / host.feature_dim**0.5
    expected = nebula(z, batch.label if by_category else None).values
    for name in ("nebula", "pair", "triplet"):
        matches(found[name], expected[name].item())
    method.eval()
    matches(method.encode(batch.x).mean, (host.features(batch.x) / host.feature_dim**0.5).tolist())


def test_terms_that_take_no_labels_get_none() -> None:
    seen = []

    def noted(z: Tensor) -> Terms:
        seen.append(z.shape)
        return NO_TERMS

    PartSegmentation(network(), PARTS_OF, latent_terms=noted)(labelled())
    assert seen == [(CLOUDS, 128)]


def test_a_point_gets_the_best_part_of_its_category() -> None:
    logits, category = torch.randn(CLOUDS, POINTS, 5), torch.arange(CLOUDS) % 3
    expected = [
        [best_part(scores, OWN[int(of)]) for scores in cloud.tolist()]
        for cloud, of in zip(logits, category, strict=True)
    ]
    assert best_parts(logits, category, PARTS_OF).tolist() == expected
    assert best_parts(torch.zeros(1, 2, 5), torch.tensor([2]), PARTS_OF).tolist() == [[3, 3]]


@pytest.mark.parametrize("categories", [0, 3])
def test_a_network_is_told_the_category_if_it_asks(categories: int) -> None:
    batch, method = labelled(), PartSegmentation(network(categories), PARTS_OF).eval()
    with torch.no_grad():
        found, other = (
            method.network(batch.x, c) if categories else method.network(batch.x)
            for c in (batch.label, batch.label.roll(1))
        )
    assert torch.equal(found.logits, other.logits) == (categories == 0)
    parts = method.segment(batch.x, batch.label)
    assert parts.shape == (CLOUDS, POINTS) and not parts.requires_grad
    assert PARTS_OF[batch.label[:, None], parts].all()
    order = torch.randperm(POINTS)
    assert torch.equal(method.segment(batch.x[:, order], batch.label), parts[:, order])


def halves() -> tuple[Tensor, Tensor, Tensor]:
    """Clouds whose parts are above and below: of categories 0 and 2, upside down in the latter."""
    x = torch.rand(32, 40, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    category = torch.arange(32) % 2 * 2
    above = (x[..., 2] > 0).long()
    parts = torch.where(category[:, None] == 0, above, 4 - above)
    return x, category, parts


def test_parts_are_learned_beside_anchors_that_are_classes() -> None:
    x, category, parts = halves()
    host = network()
    nebula = anchors(host, metric=True)
    method = PartSegmentation(host, PARTS_OF, latent_terms=nebula, by_category=True)
    batches = Batches(x, category, batch_size=8, also={"parts": parts.to(torch.uint8)})
    history = fit(method, batches, FitConfig(epochs=16, lr=1e-2))
    assert history[0]["parts"] > 1.5 and history[-1]["parts"] < 1
    # Of two parts each, one by one: half would be right by chance.
    assert (method.segment(x, category) == parts).float().mean() > 0.65


def test_other_networks_are_trained_the_same_way() -> None:
    encoder = GCN3DEncoder(CHANNELS, num_neighbours=3, rate=2, width=SMALL)
    method = PartSegmentation(GCN3DSegmenter(5, 3, encoder=encoder, width=SMALL), PARTS_OF)
    assert method(labelled()).values.keys() == {"parts"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, "`label` must be given to a supervised method, got none"),
        ({"also": None}, r'`also\["parts"\]` must be given'),
        ({"also": {"views": torch.zeros(6)}}, r'`also\["parts"\]` must be given'),
        ({"also": {"parts": torch.zeros(6, 19).long()}}, r"one number per point \(6, 20\), got"),
        ({"also": {"parts": torch.full((6, 20), 5)}}, r'also\["parts"\]` must lie in 0..4, got 5'),
        ({"label": torch.full((6,), 3)}, r"`label` must lie in 0\.\.2, got 3\.\.3"),
        ({"label": torch.full((6,), -1)}, r"`label` must lie in 0\.\.2, got -1\.\.-1"),
    ],
)
def test_batches_without_proper_labels_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PartSegmentation(network(), PARTS_OF)(labelled()._replace(**change))


def test_networks_parts_and_anchors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="6 parts and 3 categories, got 5 parts of 3"):
        PartSegmentation(network(3, parts=6), PARTS_OF)
    with pytest.raises(ValueError, match="5 parts and 2 categories, got 5 parts of 3"):
        PartSegmentation(network(2), PARTS_OF)
    with pytest.raises(ValueError, match=r"a part for each category, got none for \[1\]"):
        PartSegmentation(network(), PARTS_OF & torch.tensor([[True], [False], [True]]))
    with pytest.raises(TypeError, match=r"anchors that take labels when `by_category=True`, got f"):
        PartSegmentation(network(), PARTS_OF, by_category=True)
    with pytest.raises(ValueError, match=r"an anchor for each of 3 categories .* got 2"):
        PartSegmentation(network(), PARTS_OF, latent_terms=NebulaAnchors(2, 128), by_category=True)
    with pytest.raises(ValueError, match=r"`category` must lie in 0\.\.2"):
        PartSegmentation(network(), PARTS_OF).segment(torch.rand(1, 9, 3), torch.tensor([3]))
