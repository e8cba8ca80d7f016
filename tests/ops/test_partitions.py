"""Merging clusters: against trying every partition, and where single moves are not enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.partitions import agglomerate, information, merge_clusters
from oracles import consistency as oracle

seeds = st.integers(0, 2**31 - 1)


def table(size: int, seed: int) -> np.ndarray:
    """A random table with a few strong entries."""
    return np.random.default_rng(seed).random((size, size)) ** 6


@given(st.integers(2, 7), st.integers(1, 3), seeds)
def test_the_best_of_all_partitions_is_found(size: int, groups: int, seed: int) -> None:
    groups = min(groups, size)
    found = merge_clusters(table(size, seed), groups)
    best = oracle.best_partition(table(size, seed).tolist(), groups)
    assert found.information == pytest.approx(best, abs=1e-9)


@given(st.integers(3, 8), seeds)
def test_agglomeration_merges_the_pair_that_loses_least(size: int, seed: int) -> None:
    joint = table(size, seed)
    joint = (joint + joint.T) / (2 * joint.sum())
    group = agglomerate(joint, size - 1)
    best = oracle.best_partition(joint.tolist(), size - 1) if size < 6 else None
    member = np.eye(size - 1)[group]
    found = information(member.T @ joint @ member)
    assert found <= information(joint) + 1e-12
    assert best is None or found == pytest.approx(best, abs=1e-9)


def blocks(size: int) -> np.ndarray:
    """Three large groups and a tight pair that leans towards the first of them."""
    joint = np.kron(np.eye(3), np.full((size, size), 1.0))
    joint += 0.01
    joint = np.pad(joint, (0, 2))
    joint[-2:, -2:] = 3.0
    joint[-2:, :size] = joint[:size, -2:] = 0.05
    return joint


def test_a_tight_pair_joins_the_group_that_its_edges_lead_to() -> None:
    for seed in range(5):
        group = merge_clusters(blocks(6), 3, seed=seed, num_starts=8).group
        assert group[-1] == group[-2] == group[0]
        assert len(set(group.tolist())) == 3


def test_groups_are_numbered_as_they_appear_and_clusters_without_edges_are_kept() -> None:
    joint = np.zeros((4, 4))
    joint[1, 1] = joint[3, 3] = 1.0
    group = merge_clusters(joint, 2).group
    assert group[1] != group[3]
    assert group.tolist() == [int(g) for g in np.unique(group, return_inverse=True)[1]]
    assert group[0] == 0


def test_the_number_of_all_clusters_changes_nothing() -> None:
    assert merge_clusters(table(5, 0), 5).group.tolist() == [0, 1, 2, 3, 4]


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_groups` must lie in 1\.\.3 for 3 clusters, got 4"):
        merge_clusters(np.ones((3, 3)), 4)
    with pytest.raises(ValueError, match="`table` must have a positive sum"):
        merge_clusters(np.zeros((3, 3)), 2)
