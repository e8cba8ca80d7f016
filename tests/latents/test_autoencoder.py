"""Encoder, bottleneck and decoder in a row, any modules."""

import torch
from torch import nn

from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational


def test_coding_holds_the_batch_its_posterior_one_sample_and_its_decoding() -> None:
    model, x = Autoencoder(nn.Tanh(), Variational(5, 3), nn.Linear(3, 5)), torch.randn(4, 5)
    coding = model(x)
    assert coding.x is x
    assert torch.equal(coding.posterior.mean, model.encode(x).mean)
    assert not torch.equal(coding.z, coding.posterior.mean)
    assert torch.equal(coding.recon, model.decode(coding.z))


def test_autoencoder_without_noise_decodes_its_mean() -> None:
    model, x = Autoencoder(nn.Tanh(), Deterministic(5, 3), nn.Linear(3, 5)), torch.randn(4, 5)
    coding = model(x)
    assert torch.equal(coding.z, coding.posterior.mean)
    assert torch.equal(coding.recon, model.decode(model.encode(x).mean))
