"""3D-RecGAN: golden sizes, and two players who each follow their own loss only."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.volumes import VolumeCritic, VolumeDecoder, VolumeEncoder
from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Rectified, Variational
from nebulatent.latents.skips import SkipAutoencoder
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import WeightedBernoulli
from nebulatent.terms import Terms, no_terms
from nebulatent.training.checkpoints import Saving
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

SIZES = (8, (2, 3))


def count(*modules: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for module in modules for p in module.parameters())


def generator(*, skips: bool = False, bottleneck: type[nn.Module] = Rectified) -> nn.Module:
    """A small one."""
    encoder = VolumeEncoder(*SIZES)
    decoder = VolumeDecoder(5, *SIZES, skips=skips)
    kind = SkipAutoencoder if skips else Autoencoder
    return kind(encoder, bottleneck(encoder.feature_dim, 5), decoder)


def model(**options: object) -> RecGAN:
    """Both players, small."""
    return RecGAN(generator(), VolumeCritic(*SIZES), **options)  # pyright: ignore


def batch(rows: int = 4) -> Batch:
    """Boxes, and their halves."""
    whole = torch.zeros(rows, 1, 8, 8, 8)
    for row, grid in enumerate(whole):
        grid[:, 1 : 4 + row % 4, 2:6, 1:7] = 1
    partial = whole.clone()
    partial[:, :, :, 4:] = 0
    return Batch(partial, y=whole)


def slopes(value: Tensor, parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    """Gradients of a value, zeros where there are none."""
    parameters = list(parameters)
    found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def test_networks_have_the_golden_numbers_of_parameters() -> None:
    with torch.device("meta"):
        encoder, decoder = VolumeEncoder(), VolumeDecoder(5000, skips=True)
        bottleneck = Rectified(encoder.feature_dim, 5000)
        assert encoder.feature_dim == 32_768
        assert count(encoder) == 11_015_104
        assert count(decoder.levels) == 22_028_737
        assert count(bottleneck, decoder.hidden) == 327_717_768
        assert count(VolumeCritic()) == 11_019_200
        x = torch.rand(1, 1, 64, 64, 64)
        sides = [level.shape[2] for level in encoder.maps(x)]
        assert sides == [32, 16, 8, 4]
        assert decoder(torch.rand(1, 5000), encoder.maps(x)).shape == x.shape
        assert VolumeCritic()(x, x).shape == (1, 32_768)
    for code, expected in ((2000, 131_106_768), (256, 16_810_240)):
        with torch.device("meta"):
            assert count(Rectified(32_768, code), VolumeDecoder(code).hidden) == expected


def test_terms_are_those_of_the_paper() -> None:
    method, part = model().eval(), batch()
    torch.manual_seed(0)
    terms = method(part)
    recon = method.code(part).recon
    p = recon.sigmoid()
    cross = 0.85 * part.y * p.log() + 0.15 * (1 - part.y) * (1 - p).log()
    torch.testing.assert_close(terms.values["reconstruction"], -cross.mean())
    torch.testing.assert_close(terms.values["adversarial"], -method.critic(part.x, p).mean())
    real, made = method.critic(part.x, part.y).mean(), method.critic(part.x, p).mean()
    torch.testing.assert_close(terms.values["critic"], made - real)
    assert terms.weights == {"reconstruction": 95.0, "adversarial": 5.0, "penalty": 10.0}


def test_penalty_is_the_distance_of_the_gradient_from_one_grid_by_grid() -> None:
    method, part = model(), batch()
    made = torch.rand_like(part.y)
    torch.manual_seed(3)
    found = method._penalty(part.x, part.y, made)
    torch.manual_seed(3)
    between = part.y + torch.rand_like(part.y) * (made - part.y)
    expected = []
    for x, grid in zip(part.x, between, strict=True):
        grid = grid.clone().requires_grad_()
        value = method.critic(x[None], grid[None]).sum()
        expected.append((torch.autograd.grad(value, grid)[0].norm() - 1) ** 2)
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_each_player_has_the_gradient_of_its_own_loss() -> None:
    method, part = model(), batch()
    torch.manual_seed(0)
    terms = method(part)
    values, weights = terms.values, terms.weights
    generator_loss = 95 * values["reconstruction"] + 5 * values["adversarial"]
    critic_loss = values["critic"] + 10 * values["penalty"]
    for player, own, other in (
        (method.autoencoder, generator_loss, critic_loss),
        (method.critic, critic_loss, generator_loss),
    ):
        assert not any(slope.any() for slope in slopes(other, player.parameters()))
        both = zip(
            slopes(terms.total, player.parameters()), slopes(own, player.parameters()), strict=True
        )
        for total, alone in both:
            torch.testing.assert_close(total, alone)
    # Nor is the generator's term blind to the critic: its gradient goes through it.
    assert any(s.any() for s in slopes(values["adversarial"], method.autoencoder.parameters()))
    assert weights["adversarial"] == 5.0


def test_players_learn_at_their_own_pace() -> None:
    x = batch(8)
    rates = []
    for pace in (0.5, 0.001):
        torch.manual_seed(0)
        method = model(critic_pace=pace)
        before = [p.detach().clone() for p in method.critic.parameters()]
        fit(method, Batches(x.x, y=x.y, batch_size=8), FitConfig(epochs=1, lr=1e-2))
        moved = (now - then for now, then in zip(method.critic.parameters(), before, strict=True))
        rates.append(max(change.abs().max().item() for change in moved))
    assert rates == [pytest.approx(5e-3, rel=1e-2), pytest.approx(1e-5, rel=1e-2)]


def test_a_run_of_two_paces_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    part = batch(8)
    data, config = Batches(part.x, y=part.y, batch_size=4), FitConfig(epochs=3, lr=1e-2)

    def begun() -> RecGAN:
        torch.manual_seed(0)
        return model()

    whole = begun()
    fit(whole, data, config)

    def stop(row: object) -> None:
        raise KeyboardInterrupt

    stopped, resumed = begun(), begun()
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, data, config, saving=Saving(folder=tmp_path, every_steps=1), on_epoch=stop)
    fit(resumed, data, config, saving=Saving(folder=tmp_path, every_steps=1))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("skips", "bottleneck"), [(False, Rectified), (True, Variational)])
def test_training_completes_boxes(skips: bool, bottleneck: type[nn.Module]) -> None:
    torch.manual_seed(0)
    part = batch(8)
    host = generator(skips=skips, bottleneck=bottleneck)
    method = RecGAN(host, VolumeCritic(*SIZES), beta=1e-3)  # pyright: ignore

    def missing() -> float:
        hidden = part.y - part.x > 0
        return 1 - (method.eval().complete(part.x)[hidden] > 0.5).double().mean().item()

    before = missing()
    fit(method, Batches(part.x, y=part.y, batch_size=8), FitConfig(epochs=20, lr=2e-2))
    assert missing() < min(0.2, before)


def test_anchors_and_the_autoencoder_alone_take_the_same_parts() -> None:
    part = batch()
    method = model(latent_terms=NebulaAnchors(3, 5, metric=True))
    assert {"nebula", "pair", "triplet"} <= method(part).values.keys()
    alone = VAE(generator(), likelihood=WeightedBernoulli(0.85))  # pyright: ignore
    assert alone(part).values.keys() == {"reconstruction"}
    assert isinstance(no_terms(part.x), Terms)


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ValueError, match="`y` must hold the whole grids"):
        model()(Batch(batch().x))
    with pytest.raises(ValueError, match="`z` alone cannot be decoded"):
        RecGAN(generator(skips=True), VolumeCritic(*SIZES)).decode(torch.zeros(1, 5))  # pyright: ignore
    with pytest.raises(ValueError, match="`maps` must be those of 0 levels, got 2"):
        VolumeDecoder(5, *SIZES)(torch.zeros(1, 5), [torch.zeros(1)] * 2)
    with pytest.raises(ValueError, match="`resolution` must be a multiple of 4 for 2 levels"):
        VolumeEncoder(10, (2, 3))
    with pytest.raises(ValueError, match="`critic_pace` must be positive"):
        model(critic_pace=0.0)
    with pytest.raises(ValueError, match="weight of `adversarial` must not be negative"):
        model(adversarial_weight=-1.0)
