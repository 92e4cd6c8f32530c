"""Sealing and opening: what goes in comes out, and only where it belongs."""

import os
from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.vault.keys import INDEX_BYTES, MerchantKeys, unpack_index
from miandan.vault.model import IndexKind, Recipient, Sealed
from tests.vault.people import keys_in_memory, recipients, someone
from tests.vault.planted import planted_in_text, planted_words

KEYS = keys_in_memory()


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code
    assert refusal.value.zh
    assert refusal.value.next_en


@given(recipients(), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_whatever_is_sealed_comes_out_unchanged(recipient: Recipient, bound_to: str) -> None:
    assert KEYS.open(KEYS.seal(recipient, bound_to), bound_to) == recipient


def test_two_seals_of_one_recipient_have_nothing_in_common_but_the_digest() -> None:
    first, second = KEYS.seal(someone(), "order-1"), KEYS.seal(someone(), "order-1")
    assert first.digest == second.digest
    assert first.index == second.index
    assert first.token != second.token
    assert first.key != second.key
    assert first.body[7:40] != second.body[7:40]


def test_another_merchants_key_does_not_open_it() -> None:
    sealed = KEYS.seal(someone(), "order-1")
    stranger = keys_in_memory(seal={1: b"x" * 32})
    refused("vault.damaged", lambda: stranger.open(sealed, "order-1"))


def test_the_same_key_under_another_merchant_does_not_open_it() -> None:
    sealed = KEYS.seal(someone(), "order-1")
    refused("vault.damaged", lambda: keys_in_memory(merchant_id=43).open(sealed, "order-1"))


def test_a_row_that_was_moved_to_another_order_does_not_open() -> None:
    sealed = KEYS.seal(someone(), "order-1")
    refused("vault.damaged", lambda: KEYS.open(sealed, "order-2"))


@pytest.mark.parametrize("column", ["token", "key", "body"])
def test_a_column_swapped_between_two_rows_of_one_order_does_not_open(column: str) -> None:
    mine, theirs = KEYS.seal(someone(), "order-1"), KEYS.seal(someone("张伟"), "order-1")
    mixed = mine._replace(**{column: getattr(theirs, column)})
    refused("vault.damaged", lambda: KEYS.open(mixed, "order-1"))


def parts_of(body: bytes) -> tuple[bytes, list[bytes]]:
    lengths = [int.from_bytes(body[at : at + 2], "big") for at in (1, 3, 5)]
    ends = [7, 7 + lengths[0], 7 + sum(lengths[:2]), 7 + sum(lengths), len(body)]
    return body[:1], [body[start:end] for start, end in pairwise(ends)]


def body_of(head: bytes, parts: list[bytes]) -> bytes:
    return head + b"".join(len(part).to_bytes(2, "big") for part in parts[:3]) + b"".join(parts)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2), (2, 3), (1, 3)])
def test_fields_swapped_within_one_recipient_do_not_open(one: int, other: int) -> None:
    sealed = KEYS.seal(someone(), "order-1")
    head, parts = parts_of(sealed.body)
    assert body_of(head, parts) == sealed.body
    parts[one], parts[other] = parts[other], parts[one]
    refused("vault.damaged", lambda: KEYS.open(sealed._replace(body=body_of(head, parts)), "order-1"))


def test_remarks_cannot_be_cut_off_unnoticed() -> None:
    sealed = KEYS.seal(someone(), "order-1")
    head, parts = parts_of(sealed.body)
    refused("vault.damaged", lambda: KEYS.open(sealed._replace(body=body_of(head, [*parts[:3], b""])), "order-1"))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_goes_unnoticed(place: int, change: int) -> None:
    sealed = KEYS.seal(someone(), "order-1")
    assert sealed.key is not None
    whole = bytearray(sealed.key + sealed.body)
    whole[place % len(whole)] ^= change
    changed = sealed._replace(key=bytes(whole[: len(sealed.key)]), body=bytes(whole[len(sealed.key) :]))
    with pytest.raises(Refusal):
        KEYS.open(changed, "order-1")


@pytest.mark.parametrize("body", [b"", b"\x01", os.urandom(6), os.urandom(80), b"\x01" + bytes(6)], ids=range(5))
def test_noise_in_place_of_a_body_is_refused(body: bytes) -> None:
    sealed = KEYS.seal(someone(), "order-1")
    refused("vault.damaged", lambda: KEYS.open(sealed._replace(body=body), "order-1"))


def test_a_shredded_recipient_does_not_open() -> None:
    sealed = KEYS.seal(someone(), "order-1")._replace(key=None)
    refused("vault.shredded", lambda: KEYS.open(sealed, "order-1"))


def test_after_a_rotation_old_and_new_recipients_open_and_are_found() -> None:
    old = KEYS.seal(someone(), "order-1")
    rotated = keys_in_memory(
        seal={1: b"s" * 32, 2: b"S" * 32},
        index={1: b"i" * 32, 2: b"I" * 32},
    )
    new = rotated.seal(someone(), "order-2")
    assert rotated.open(old, "order-1") == rotated.open(new, "order-2") == someone()
    assert rotated.same(("order-1", old), ("order-2", new))
    wanted = set(rotated.search_indexes(IndexKind.PHONE, someone().phone))
    assert wanted & set(unpack_index(old.index))
    assert wanted & set(unpack_index(new.index))
    assert not KEYS.knows(new)
    refused("vault.key_unknown", lambda: KEYS.open(new, "order-2"))


def test_the_digest_follows_the_person_and_place_and_not_the_spelling() -> None:
    digest = KEYS.digest(someone())
    assert len(digest) == 16
    assert digest == KEYS.seal(someone(), "any").digest
    for same in (
        someone(phone="+86 139-1234-5678"),
        someone(phone="１３９１２３４５６７８"),
        someone(name=" 欧阳 建国"),
        someone(detail="虚构路１０３７号示例花园 3幢2单元501室"),
        someone(province="浙江"),  # the division code says the same
        someone(buyer_remark=""),
    ):
        assert KEYS.digest(same) == digest
    for other in (
        someone(name="欧阳建"),
        someone(phone="13912345679"),
        someone(extension="8001"),
        someone(detail="虚构路1037号示例花园3幢2单元502室"),
        someone(division_code="330106"),
    ):
        assert KEYS.digest(other) != digest
    assert keys_in_memory(index={1: b"j" * 32}).digest(someone()) != digest


def test_what_is_stored_for_a_search_is_what_the_search_looks_for() -> None:
    entries = {entry.kind: entry.value for entry in unpack_index(KEYS.seal(someone(), "order-1").index)}
    assert entries == {
        IndexKind.PHONE: KEYS.search_index(IndexKind.PHONE, "+86 139 1234 5678"),
        IndexKind.TAIL: KEYS.search_index(IndexKind.TAIL, "5678"),
        IndexKind.NAME: KEYS.search_index(IndexKind.NAME, "欧阳建国 "),
    }
    assert {kind: len(value) for kind, value in entries.items()} == INDEX_BYTES


def test_a_ciphertext_phone_is_found_whole_and_has_no_tail() -> None:
    ciphertext = "$AbCdEf0123+/=$"
    kinds = [entry.kind for entry in unpack_index(KEYS.seal(someone(phone=ciphertext), "order-1").index)]
    assert kinds == [IndexKind.NAME, IndexKind.PHONE]
    assert KEYS.open(KEYS.seal(someone(phone=ciphertext), "order-1"), "order-1").phone == ciphertext


@pytest.mark.parametrize("packed", [b"", b"\0", b"\0\1\7abc"])
def test_a_damaged_index_is_refused(packed: bytes) -> None:
    refused("vault.damaged", lambda: unpack_index(packed))


def test_text_that_no_encoding_holds_is_refused_without_showing_it() -> None:
    broken = structs.replace(someone(), detail="示例花园\ud800")
    with pytest.raises(Refusal) as refusal:
        KEYS.seal(broken, "order-1")
    assert refusal.value.code == "vault.text"
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_an_address_of_ten_thousand_characters_fits_and_a_longer_one_is_refused() -> None:
    long = someone(detail="长" * 10_000)
    assert KEYS.open(KEYS.seal(long, "order-1"), "order-1") == long
    refused("vault.too_long", lambda: KEYS.seal(someone(detail="长" * 30_000), "order-1"))
    remark = someone(buyer_remark="长" * 100_000)
    assert KEYS.open(KEYS.seal(remark, "order-1"), "order-1") == remark


def test_no_repr_and_no_refusal_shows_a_person() -> None:
    sealed = KEYS.seal(someone(), "order-1")
    words = planted_words(someone())
    shown = [repr(someone()), str(someone()), f"{someone()}", repr(KEYS), repr(sealed)]
    for broken in (sealed._replace(key=None), sealed._replace(token=uuid4()), sealed._replace(body=b"x")):
        with pytest.raises(Refusal) as refusal:
            KEYS.open(broken, "order-1")
        shown += [str(refusal.value), repr(refusal.value), refusal.value.zh]
    assert planted_in_text("\n".join(shown), words) == []


def test_tokens_are_ids_in_the_order_of_time() -> None:
    tokens = [KEYS.seal(someone(), "order-1").token for _ in range(50)]
    assert all(token.version == 7 for token in tokens)
    assert len({token.int >> 80 for token in tokens}) <= len(set(tokens)) == 50
    assert [token.int >> 80 for token in tokens] == sorted(token.int >> 80 for token in tokens)


def test_keys_without_any_version_are_no_keys() -> None:
    with pytest.raises(ValueError, match="empty"):
        MerchantKeys(1, {}, {1: b"i" * 32})


def test_a_sealed_recipient_of_another_format_is_refused() -> None:
    sealed: Sealed = KEYS.seal(someone(), "order-1")
    refused("vault.damaged", lambda: KEYS.open(sealed._replace(body=b"\x02" + sealed.body[1:]), "order-1"))
