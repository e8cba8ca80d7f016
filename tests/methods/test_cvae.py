"""The decoder of a conditional VAE is told the class, its encoder is not."""

import pytest
import torch

from laws.cases import host, nebula, vectors
from nebulatent.methods.cvae import CVAE

pytestmark = pytest.mark.usefixtures("float64")


def made() -> CVAE:
    """A conditional VAE of three classes in eval mode."""
    return CVAE(host(condition=3), 3).eval()


def test_decoder_sees_the_code_and_then_the_class_one_hot() -> None:
    method, z, label = made(), torch.randn(3, 4), torch.tensor([2, 0, 1])
    one_hot = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    expected = method.autoencoder.decode(torch.cat([z, one_hot], 1)).sigmoid()
    assert torch.equal(method.decode(z, label), expected)


def test_class_changes_the_decoded_data_and_not_the_code() -> None:
    method, batch = made(), vectors()
    other = batch._replace(label=(batch.label + 1) % 3)
    first, second = method.code(batch), method.code(other)
    assert torch.equal(first.posterior.mean, second.posterior.mean)
    assert not torch.equal(
        method.decode(first.posterior.mean, batch.label),
        method.decode(first.posterior.mean, other.label),
    )


def test_anchors_of_a_conditional_vae_do_not_read_the_class() -> None:
    method, batch = CVAE(host(condition=3), 3, latent_terms=nebula(metric=True)).eval(), vectors()
    first = method(batch).values
    second = method(batch._replace(label=(batch.label + 1) % 3)).values
    assert all(first[name] == second[name] for name in ("nebula", "pair", "triplet"))
    assert first["reconstruction"] != second["reconstruction"]


def test_decoding_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`label` must be given to a conditional VAE, got none"):
        made().decode(torch.randn(2, 4))


@pytest.mark.parametrize(("label", "shown"), [([0, 3], r"0\.\.3"), ([-1, 2], r"-1\.\.2")])
def test_class_out_of_range_is_refused(label: list[int], shown: str) -> None:
    with pytest.raises(ValueError, match=rf"`label` must lie in 0\.\.2, got {shown}\."):
        made().decode(torch.randn(2, 4), torch.tensor(label))


def test_no_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_classes` must be positive, got 0\."):
        CVAE(host(), 0)
