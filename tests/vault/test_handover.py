"""A hand-over file opens for its branch and for nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.vault.handover import new_branch_keys, open_as_branch, seal_for_branch

BRANCH = new_branch_keys()


@given(st.binary(max_size=2_000))
def test_the_branch_reads_what_was_sealed_for_it(payload: bytes) -> None:
    assert open_as_branch(BRANCH.private, seal_for_branch(BRANCH.public, payload)) == payload


def test_two_files_with_one_payload_differ_and_show_nothing_of_it() -> None:
    payload = "欧阳建国 13912345678".encode()
    first, second = (seal_for_branch(BRANCH.public, payload) for _ in range(2))
    assert first[5:] != second[5:]
    assert payload not in first
    assert BRANCH.private.hex() not in repr(BRANCH)


def test_another_branch_does_not_read_it() -> None:
    file = seal_for_branch(BRANCH.public, b"parcels")
    with pytest.raises(Refusal, match=r"vault\.handover"):
        open_as_branch(new_branch_keys().private, file)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_noticed_wherever_it_is(place: int, change: int) -> None:
    file = bytearray(seal_for_branch(BRANCH.public, b"parcels"))
    place %= len(file)
    file[place] ^= change
    with pytest.raises(Refusal, match=r"vault\.handover"):
        open_as_branch(BRANCH.private, bytes(file))


@pytest.mark.parametrize("file", [b"", b"MDHO\x01", b"PK\x03\x04" + bytes(100), b"MDHO\x01" + bytes(60)])
def test_what_is_no_hand_over_file_is_refused(file: bytes) -> None:
    with pytest.raises(Refusal, match=r"vault\.handover"):
        open_as_branch(BRANCH.private, file)


@pytest.mark.parametrize("key", [b"", b"x" * 31, bytes(32)])
def test_what_is_no_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(Refusal, match=r"vault\.branch_key"):
        seal_for_branch(key, b"parcels")
