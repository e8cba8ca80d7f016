"""DEC and IDEC: assignments, targets and their divergence; what each phase trains."""

import copy
from collections.abc import Callable

import pytest
import torch

from laws.cases import FEATURES, LATENT, anchors, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.dec import DEC, clustering_loss, student_assignment, target_distribution
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle
from oracles.nvc import gradient

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def test_equations_are_the_oracles(matches: Matches) -> None:
    z, centres = torch.randn(7, LATENT), torch.randn(3, LATENT)
    q = student_assignment(z, centres)
    rows = oracle.student_assignment(z.tolist(), centres.tolist())
    matches(q, rows)
    p = target_distribution(q, q.sum(0))
    targets = oracle.target_distribution(rows)
    matches(p, targets)
    matches(clustering_loss(p, q), oracle.clustering_loss(targets, rows))


def test_targets_are_sharper_where_the_assignment_is_and_even_out_large_clusters() -> None:
    q = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    even = target_distribution(q, torch.ones(2))
    assert even[0, 0] > 0.98 and even[1, 0] > 0.6
    assert (target_distribution(q, q.sum(0))[:, 0] < even[:, 0]).all()


def test_loss_of_equal_distributions_is_zero() -> None:
    q = student_assignment(torch.randn(5, 2), torch.randn(3, 2))
    assert clustering_loss(q, q).item() == pytest.approx(0.0, abs=1e-12)


def test_frequencies_are_those_of_the_snapshot_and_no_gradient_reaches_the_target(
    matches: Matches,
) -> None:
    method, everything = DEC(host(Deterministic), anchors()), torch.randn(50, LATENT)
    method.clusters.placed = True
    method.begin_epoch(0, lambda: Snapshot(everything))
    centres = method.clusters.positions.tolist()
    q_all = oracle.student_assignment(everything.tolist(), centres)
    frequency = [sum(row[j] for row in q_all) / 50 for j in range(3)]
    matches(method.frequency, frequency)
    z = torch.randn(6, LATENT)
    q = oracle.student_assignment(z.tolist(), centres)
    p = oracle.target_distribution(q, frequency)
    found = method.clustering(z.requires_grad_()).values["clustering"]
    matches(found, oracle.clustering_loss(p, q))
    found.backward()

    def fixed_target(codes: oracle.Vectors) -> float:
        return oracle.clustering_loss(p, oracle.student_assignment(codes, centres))

    matches(z.grad, gradient(fixed_target, z.tolist()), rel=1e-6)


def test_warm_up_is_a_plain_autoencoder() -> None:
    clusters = AnchorSet(3, LATENT, warmup_epochs=1, revive=False)
    method = DEC(host(Deterministic), clusters)
    method.begin_epoch(0, lambda: pytest.fail("no codes are needed yet"))
    terms = method(vectors())
    assert terms.values.keys() == {"reconstruction"} and not terms.weights


def test_dec_leaves_the_decoder_and_idec_weighs_reconstruction_per_value() -> None:
    autoencoder = host(Deterministic)
    terms = DEC(autoencoder, anchors())(vectors())
    terms.total.backward()
    assert all(parameter.grad is None for parameter in autoencoder.decoder.parameters())
    assert terms.weights == {"reconstruction": 0.0, "clustering": 1.0}
    idec = DEC(host(Deterministic), anchors(), reconstruction_weight=1.0, clustering_weight=0.1)
    assert idec(vectors()).weights == {"reconstruction": 1 / FEATURES, "clustering": 0.1}


def test_hard_and_soft_assignments_agree() -> None:
    method, z = DEC(host(Deterministic), anchors()), torch.randn(20, LATENT)
    assert torch.equal(method.assign(z), method.assign_probabilities(z).argmax(1))


def test_training_places_the_centres_measures_frequencies_and_sharpens() -> None:
    autoencoder, certainty = host(Deterministic), []
    x = vectors().x.repeat(5, 1)
    for weight in (0.0, 1.0):
        clusters = AnchorSet(3, LATENT, warmup_epochs=2, revive=False)
        method = DEC(
            copy.deepcopy(autoencoder),
            clusters,
            reconstruction_weight=1.0,
            clustering_weight=weight,
        )
        history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=8, lr=1e-2))
        assert "clustering" not in history[1] and "clustering" in history[2]
        assert clusters.placed and method.frequency.sum().item() == pytest.approx(1.0)
        soft = method.assign_probabilities(method.encode(x).mean)
        certainty.append(soft.max(1).values.mean().item())
    assert certainty[1] > certainty[0] + 0.05


@pytest.mark.parametrize("name", ["reconstruction_weight", "clustering_weight"])
def test_weights_must_not_be_negative(name: str) -> None:
    with pytest.raises(ValueError, match=rf"`{name}`.*must not be negative, got .*-1"):
        DEC(host(Deterministic), anchors(), **{name: -1.0})
