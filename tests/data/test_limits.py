"""What headers may claim."""

import gzip

import pytest

from nebulatent.data.limits import check_deflated, check_memory, check_plain


def test_deflate_never_packs_tighter_than_the_bound() -> None:
    zeros = bytes(10_000_000)
    check_deflated(len(zeros), len(gzip.compress(zeros, 9)), "a")


def test_an_impossible_claim_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`a` must hold the 1000000000 bytes .* got 1000 compr"):
        check_deflated(10**9, 1000, "a")


@pytest.mark.parametrize(("stored", "what"), [(9, "truncated"), (11, "longer than it says")])
def test_a_plain_file_holds_what_it_claims(stored: int, what: str) -> None:
    check_plain(10, 10, "a")
    with pytest.raises(ValueError, match=f"claims, got {stored}: the file is {what}"):
        check_plain(10, stored, "a")


def test_what_exceeds_the_memory_is_refused() -> None:
    check_memory(1000, "a")
    with pytest.raises(ValueError, match=r"`a` must fit in this machine's memory"):
        check_memory(10**18, "a")
