"""SwitchVAE: its terms, its switch, which encoder learns from what."""

import math

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.images import ConvEncoder
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.backbones.views import MultiViewEncoder
from nebulatent.backbones.voxels import VoxelDecoder, VoxelEncoder
from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import NormalizedVariational, Variational
from nebulatent.latents.posterior import DiagonalGaussian
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import WeightedBernoulli
from nebulatent.objectives.total_correlation import total_correlation
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

FEATURES, LATENT = 6, 3


def branch(features: int) -> nn.Sequential:
    """An encoder of vectors that ends in its bottleneck."""
    return nn.Sequential(MLPEncoder((features,), (8, 5)), Variational(5, LATENT))


def model(**options: object) -> SwitchVAE:
    """Vectors in two or three forms."""
    own = Autoencoder(*branch(FEATURES), MLPDecoder(LATENT, (FEATURES,), (8, 5)))
    others = {"views": branch(4), "points": branch(2)}
    return SwitchVAE(own, others, **options)  # pyright: ignore


def batch(*names: str) -> Batch:
    """A batch with the forms of these names."""
    also = {"views": torch.rand(16, 4), "points": torch.rand(16, 2)}
    return Batch(torch.rand(16, FEATURES), also={name: also[name] for name in names})


def learning(method: SwitchVAE, part: Batch) -> set[str]:
    """Encoders that get a gradient."""
    method.zero_grad(set_to_none=True)
    method(part).total.backward()
    encoders = {"own": method.autoencoder.encoder, **method.others}
    return {
        name
        for name, encoder in encoders.items()
        if any(p.grad is not None and p.grad.any() for p in encoder.parameters())
    }


def stand(method: SwitchVAE, drawn: float) -> None:
    """Put the switch somewhere."""
    method.drawn = drawn


def test_terms_are_those_of_equation_one() -> None:
    method, part = model(beta=0.5), batch("views")
    stand(method, 0.1)  # views
    torch.manual_seed(0)
    terms = method(part)
    torch.manual_seed(0)
    own, views = method.encode(part.x), method.others["views"](part.also["views"])
    z_own, z_views = own.rsample(), views.rsample()
    p = method.autoencoder.decode(z_views).sigmoid()
    loss = -(0.8 * part.x * p.log() + 0.2 * (1 - part.x) * (1 - p).log()).sum(1).mean()
    torch.testing.assert_close(terms.values["reconstruction"], loss)
    torch.testing.assert_close(terms.values["kl"], views.kl().mean())
    distance = (z_own - z_views).square().sum(1).mean()
    torch.testing.assert_close(terms.values["contrastive"], distance)
    torch.testing.assert_close(terms.total, loss + 0.5 * views.kl().mean() + distance)


def test_contrastive_term_of_three_forms_is_the_mean_over_pairs() -> None:
    method, part = model(contrastive_weight=2.0).eval(), batch("views", "points")
    torch.manual_seed(0)
    terms = method(part)
    torch.manual_seed(0)
    posteriors = [
        method.encode(part.x),
        *(method.others[n](part.also[n]) for n in ("points", "views")),
    ]
    a, b, c = (posterior.rsample() for posterior in posteriors)
    mean = sum((p - q).square().sum(1).mean() for p, q in ((a, b), (a, c), (b, c))) / 3
    torch.testing.assert_close(terms.values["contrastive"], mean)
    assert terms.weights["contrastive"] == 2.0


def test_encoder_that_is_not_picked_learns_from_the_contrastive_term_only() -> None:
    part = batch("views")
    for drawn, picked in ((0.1, "views"), (0.9, "own")):
        for weight, stop, expected in (
            (1.0, False, {"own", "views"}),
            (1.0, True, {picked}),
            (0.0, False, {picked}),
        ):
            method = model(contrastive_weight=weight, stop_gradient=stop)
            stand(method, drawn)
            assert learning(method, part) == expected


def test_a_batch_without_a_form_is_trained_on_without_it() -> None:
    method = model()
    stand(method, 0.0)
    assert learning(method, batch()) == {"own"}
    assert learning(method, batch("points")) == {"own", "points"}
    assert "contrastive" not in method(batch()).values


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_switch_picks_each_of_the_others_with_its_share(share: float) -> None:
    method, count = model(share=share), 3000
    picked = []
    for epoch in range(count):
        method.begin_epoch(epoch, lambda: pytest.fail("needs no codes"), seed=3)
        picked.append(method._picked(["points", "views"]))
    for name, expected in (("", 1 - share), ("points", share / 2), ("views", share / 2)):
        assert picked.count(name) / count == pytest.approx(expected, abs=0.03)


def test_switch_stands_still_for_an_epoch_or_is_thrown_for_each_batch() -> None:
    still, thrown = model(share=0.5), model(share=0.5, switch="batch")
    still.begin_epoch(0, lambda: pytest.fail("needs no codes"))
    assert len({still._picked(["views"]) for _ in range(64)}) == 1
    assert len({thrown._picked(["views"]) for _ in range(64)}) == 2
    for method in (still, thrown):  # a score compares epochs by one form
        stand(method, 0.0)
        assert method.eval()._picked(["views"]) == ""


def test_weight_of_the_kl_rises_in_the_first_half_of_each_cycle() -> None:
    method, part = model(beta=3.0, cycle_epochs=4, total_correlation_weight=2.0), batch("views")
    weights = []
    for epoch in range(6):
        method.begin_epoch(epoch, lambda: pytest.fail("needs no codes"))
        terms = method(part)
        weights.append((terms.weights["kl"], terms.weights["total_correlation"]))
    share = [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]
    assert weights == [(3.0 * s, 2.0 * s) for s in share]


def test_branches_share_the_decoder_and_are_baselines_of_their_own() -> None:
    method = model()
    alone = method.branch("views")
    assert alone.decoder is method.autoencoder.decoder
    assert isinstance(alone.encode(torch.rand(5, 4)), DiagonalGaussian)
    image_vae, part = VAE(alone, likelihood=WeightedBernoulli()), batch("views")
    terms = image_vae(Batch(part.also["views"], y=part.x))
    assert terms.values.keys() == {"reconstruction", "kl"} and terms.total.isfinite()
    with pytest.raises(ValueError, match="`name` must be one of"):
        method.branch("voxels")


def test_anchors_act_on_the_picked_code() -> None:
    method = model(latent_terms=NebulaAnchors(3, LATENT, metric=True))
    part = batch("views")
    stand(method, 0.0)
    expected = method.latent_terms(method.others["views"](part.also["views"]).mean)
    assert {"nebula", "pair", "triplet"} <= method(part).values.keys()
    torch.testing.assert_close(method(part).values["nebula"], expected.values["nebula"])


def test_training_with_fit_is_the_same_twice_and_lowers_the_loss() -> None:
    x = torch.rand(64, FEATURES)
    data = Batches(x, also={"views": x[:, :4].contiguous()}, batch_size=16)

    def train() -> tuple[list[dict[str, float]], Tensor]:
        torch.manual_seed(0)
        method = model(share=0.5)
        history = fit(method, data, FitConfig(epochs=4, lr=1e-2))
        return history, method.encode(x).mean

    (history, codes), (again, same) = train(), train()
    assert torch.equal(codes, same) and history[-1]["contrastive"] == again[-1]["contrastive"]
    assert history[-1]["contrastive"] < history[0]["contrastive"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.5}, "`share` must lie in 0..1, got 1.5"),
        ({"beta": -1.0}, "`beta` must not be negative"),
        ({"cycle_epochs": -1}, "`cycle_epochs` must not be negative"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(**options)


def test_a_form_without_an_encoder_and_no_others_are_refused() -> None:
    with pytest.raises(ValueError, match="`also` must hold forms that have an encoder"):
        model()(Batch(torch.rand(4, FEATURES), also={"sound": torch.rand(4, 2)}))
    with pytest.raises(ValueError, match="`others` must name at least one"):
        SwitchVAE(model().autoencoder, {})


def test_total_correlation_is_nil_for_one_component_and_high_for_a_diagonal() -> None:
    one = DiagonalGaussian(torch.zeros(1, 4), torch.zeros(1, 4))
    assert total_correlation(torch.randn(1, 4), one).abs() < 1e-5
    mean = torch.linspace(-50, 50, 32).unsqueeze(1).expand(32, 2).contiguous()
    line = DiagonalGaussian(mean, torch.full((32, 2), -4.0))
    # Each dimension says all of the other: the mutual information is the logarithm of the points.
    assert total_correlation(mean, line).item() == pytest.approx(math.log(32), abs=1e-3)


def test_normalised_heads_keep_every_dimension_of_the_mean_in_use() -> None:
    bottleneck = NormalizedVariational(5, 3)
    posterior = bottleneck(0.3 * torch.randn(400, 5) + 7.0)
    torch.testing.assert_close(posterior.mean.std(0), torch.ones(3), atol=0.06, rtol=0)


def test_a_step_of_the_voxel_branch_at_full_width() -> None:
    voxels = VoxelEncoder()
    own = Autoencoder(voxels, NormalizedVariational(343, 128), VoxelDecoder(128))
    views = MultiViewEncoder(ConvEncoder((1, 16, 16), (4, 8), 32), "max", feature_dim=32)
    other = nn.Sequential(views, NormalizedVariational(32, 128))
    method = SwitchVAE(own, {"views": other})
    x = (torch.rand(3, 1, 32, 32, 32) < 0.1).float()
    terms = method(Batch(x, also={"views": torch.rand(3, 4, 1, 16, 16)}))
    terms.total.backward()
    assert all(value.isfinite() for value in terms.values.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in voxels.parameters())
