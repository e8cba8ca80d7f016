"""OcCo: what is hidden, the schedule of its weights, and that completion is learned."""

import pytest
import torch

from nebulatent.backbones.point_decoders import PCNDecoder
from nebulatent.backbones.pointnet import PointNetEncoder
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.occo import OcCo
from nebulatent.objectives.shapes import CD_P, chamfer_distance
from nebulatent.ops.cloud_corruptions import occluded, seen_from
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit


def task(**options: object) -> OcCo:
    """A small one."""
    encoder = PointNetEncoder(relu=False, width=1 / 16)
    decoder = PCNDecoder(encoder.feature_dim, 16, 2, width=1 / 16)
    return OcCo(encoder, decoder, num_visible=32, cells=6, **options)  # type: ignore[arg-type]


def test_a_wall_hides_what_is_behind_it_and_nothing_else() -> None:
    flat = torch.cartesian_prod(torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 12))
    walls = [torch.cat([flat, torch.full((144, 1), depth)], 1) for depth in (0.0, 2.0)]
    cloud = torch.cat(walls).unsqueeze(0)
    seen = seen_from(cloud, torch.eye(3).unsqueeze(0), 8)[0]
    assert seen[:144].all() and not seen[144:].any()
    back = torch.diag(torch.tensor([1.0, 1.0, -1.0])).unsqueeze(0)
    seen = seen_from(cloud, back, 8)[0]
    assert seen[144:].all() and not seen[:144].any()
    side = torch.eye(3)[[2, 1, 0]].unsqueeze(0)  # along x the walls are two lines: both are seen
    assert seen_from(cloud, side, 8)[0].view(2, 144).any(1).all()


def test_a_sphere_shows_about_half_and_all_that_is_left_are_its_points() -> None:
    cloud = torch.nn.functional.normalize(torch.randn(3, 1000, 3), dim=2)
    frame = torch.eye(3).expand(3, 3, 3)
    seen = seen_from(cloud, frame, 16)
    assert 0.45 < seen.float().mean() < 0.75
    assert seen[cloud[..., 2] < -0.6].all()
    part = occluded(cloud, 200, torch.Generator().manual_seed(0))
    assert part.shape == (3, 200, 3)
    gap = torch.cdist(part, cloud).amin(2)
    assert gap.max() < 1e-3
    again = occluded(cloud, 200, torch.Generator().manual_seed(0))
    assert torch.equal(part, again)
    assert part.mean(1).norm(dim=1).min() > 0.2  # one side of it


def test_few_visible_points_are_repeated_and_a_single_place_is_no_error() -> None:
    cloud = torch.zeros(2, 5, 3)
    assert torch.equal(occluded(cloud, 8), torch.zeros(2, 8, 3))
    line = torch.tensor([[[0.0, 0, 0], [0, 0, 1]]]).expand(2, 2, 3)
    found = occluded(line, 7, torch.Generator().manual_seed(1))
    assert found.shape == (2, 7, 3)


def test_terms_are_chamfer_distances_to_the_whole_cloud_and_the_fine_one_gains_weight() -> None:
    method = task(fine_weights=((0, 0.1), (2, 0.5)))
    x = torch.randn(4, 40, 3)
    weights = [method(Batch(x)).weights["fine"] for _ in range(4)]
    assert weights == [0.1, 0.1, 0.5, 0.5]
    method.eval()
    torch.manual_seed(3)
    terms = method(Batch(x))
    torch.manual_seed(3)
    found = method.decoder.complete(method.encoder(occluded(x, 32, cells=6)))
    assert terms.values["coarse"] == chamfer_distance(found.coarse, x, CD_P).mean()
    assert terms.values["fine"] == chamfer_distance(found.fine, x, CD_P).mean()
    assert int(method.steps) == 4  # an evaluation is no step


def test_completion_is_learned() -> None:
    generator = torch.Generator().manual_seed(0)
    sides = torch.rand(32, 1, 3, generator=generator) * 0.8 + 0.2
    clouds = (torch.rand(32, 48, 3, generator=generator) * 2 - 1) * sides
    method = task()
    history = fit(method, Batches(clouds, batch_size=16), FitConfig(epochs=10, lr=1e-2))
    assert history[-1]["coarse"] < 0.85 * history[0]["coarse"]
    assert torch.equal(method.encode(clouds).mean, method.encoder(clouds))
    assert method.decode(method.encode(clouds).mean).shape == (32, 64, 3)


def test_bad_options_are_refused() -> None:
    encoder, decoder = PointNetEncoder(width=1 / 16), PCNDecoder(64, 4, 2, width=1 / 16)
    with pytest.raises(ValueError, match=r"`num_visible` and `cells` must be positive, got 0"):
        OcCo(encoder, decoder, num_visible=0)
    with pytest.raises(ValueError, match=r"`fine_weights` must begin at step 0, got"):
        OcCo(encoder, decoder, fine_weights=((5, 0.1),))
