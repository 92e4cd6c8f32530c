"""Our ciphertext: in the platform's shapes, good for one app, shop and order, and noticed when anything is amiss."""

import json
import re
from urllib.parse import parse_qs, urlencode
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.vault.ciphertext import CiphertextKind, recognise
from miandan.vault.issued import (
    Cited,
    OrderTexts,
    is_ciphertext,
    issue,
    issue_for_order,
    issue_searchable,
    read,
    read_recipient,
    search_index_text,
    search_index_texts,
)
from miandan.vault.model import Recipient
from miandan.vault.purposes import RecipientField
from tests.vault.people import keys_in_memory, recipients, someone
from tests.vault.planted import planted_in_text, planted_words
from tests.vault.texts import APP, ORDER, SHOP, WHERE

KEYS = keys_in_memory()
TOKEN = UUID("01930000-0000-7000-8000-000000000001")
NAME, PHONE, ADDRESS, REMARKS = (
    RecipientField.NAME,
    RecipientField.PHONE,
    RecipientField.ADDRESS,
    RecipientField.REMARKS,
)
B64 = "[A-Za-z0-9+/]+={0,2}"
IDS = st.text(max_size=30)


def code_of(text: str, **other: str) -> str:
    with pytest.raises(Refusal) as refusal:
        read(KEYS, text, **WHERE | other)
    assert refusal.value.zh
    assert refusal.value.next_en
    assert len(text) < 12 or text[2:] not in str(refusal.value)
    return refusal.value.code


@pytest.mark.parametrize(
    ("field", "index", "shape"),
    [
        (PHONE, "", rf"\$\${B64}\*{B64}\$1\$\$"),
        (PHONE, "4RbvHQ1x", rf"\$4RbvHQ1x\${B64}\*{B64}\$1\$\$"),
        (NAME, "", rf"##{B64}\*{B64}#1##"),
        (ADDRESS, "4RbvHQ1x", rf"#4RbvHQ1x#{B64}\*{B64}#1##"),
        (REMARKS, "", rf"~~{B64}\*{B64}~1~~"),
    ],
)
def test_a_text_has_the_shape_that_clients_know_and_is_recognised_as_ours(
    field: RecipientField, index: str, shape: str
) -> None:
    text = issue(KEYS, TOKEN, field, index=index, **WHERE)
    assert re.fullmatch(shape, text)
    assert len(text) == 79 + len(index)
    kind = recognise(text)
    assert kind is not None
    assert (kind.kind, kind.marks_phone) == (CiphertextKind.OWN, field is PHONE)
    assert read(KEYS, text, **WHERE) == Cited(TOKEN, field)


@given(IDS, IDS, IDS, st.sampled_from(RecipientField), st.uuids())
def test_whatever_is_issued_is_read_again(app: str, shop: str, order: str, field: RecipientField, token: UUID) -> None:
    text = issue(KEYS, token, field, app=app, shop=shop, order=order)
    assert read(KEYS, text, app=app, shop=shop, order=order) == Cited(token, field)


def test_every_issue_differs_and_all_are_valid() -> None:
    texts = {issue(KEYS, TOKEN, PHONE, **WHERE) for _ in range(200)}
    assert len(texts) == 200
    assert {read(KEYS, text, **WHERE) for text in texts} == {Cited(TOKEN, PHONE)}


@pytest.mark.parametrize("other", [{"app": "7000000000000000002"}, {"shop": "4463799"}, {"order": ORDER + "A"}])
def test_another_app_shop_or_order_cannot_read_it(other: dict[str, str]) -> None:
    assert code_of(issue(KEYS, TOKEN, PHONE, **WHERE), **other) == "vault.cipher_not_yours"


def test_no_shift_of_characters_between_app_shop_and_order_opens_it() -> None:
    text = issue(KEYS, TOKEN, NAME, app="1", shop="23", order="4")
    for app, shop, order in [("12", "3", "4"), ("1", "2", "34"), ("", "123", "4"), ("1 ", "23", "4")]:
        assert code_of(text, app=app, shop=shop, order=order) == "vault.cipher_not_yours"


def test_another_merchants_keys_cannot_read_it() -> None:
    text = issue(KEYS, TOKEN, NAME, **WHERE)
    with pytest.raises(Refusal, match=r"vault\.cipher_not_yours"):
        read(keys_in_memory(seal={1: b"x" * 32}), text, **WHERE)


@pytest.mark.parametrize("index", ["", "4RbvHQ1x"])
def test_a_text_cut_at_any_place_or_with_a_character_more_is_malformed(index: str) -> None:
    text = issue(KEYS, TOKEN, NAME, index=index, **WHERE)
    pieces = [text[:end] for end in range(len(text))] + [text[start:] for start in range(1, len(text))]
    longer = [text + more for more in "#$ \n1A="] + [more + text for more in "#$ A"]
    assert {code_of(piece) for piece in pieces + longer} == {"vault.cipher_malformed"}


@given(st.integers(0, 86), st.integers(0, 6), st.booleans())
def test_no_flipped_bit_goes_unnoticed(place: int, bit: int, with_index: bool) -> None:
    text = issue(KEYS, TOKEN, PHONE, index="4RbvHQ1x" if with_index else "", **WHERE)
    place %= len(text)
    changed = text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :]
    assert code_of(changed) in {"vault.cipher_malformed", "vault.cipher_damaged", "vault.cipher_foreign"}


def test_a_changed_letter_is_called_damage_and_not_a_wrong_order() -> None:
    text = issue(KEYS, TOKEN, PHONE, **WHERE)
    for place in (2, 30, 61, 68, 74):
        letter = "A" if text[place] != "A" else "B"
        assert code_of(text[:place] + letter + text[place + 1 :]) == "vault.cipher_damaged"
    assert code_of(text.lower()) in {"vault.cipher_foreign", "vault.cipher_malformed"}


def test_neither_index_nor_marks_can_be_exchanged_by_who_mends_the_checksum() -> None:
    from miandan.vault.issued import _checksum  # what everybody can compute

    text = issue(KEYS, TOKEN, NAME, index="4RbvHQ1x", **WHERE)
    for forged in (text.replace("4RbvHQ1x", "AAAAAAAA"), text.replace("4RbvHQ1x", ""), text.replace("#", "$")):
        whole = forged[:-8] + _checksum(forged[:-8]) + forged[-4:]
        assert code_of(whole) == "vault.cipher_not_yours"


def test_ciphertext_of_another_platform_is_called_that() -> None:
    theirs = "$$" + "9lyOi7lnuURcoFSK1mJa8YXKblnxmv8QUpAWGU8vz/WQ7nAz" * 2 + "*CAYSJCiANVdBy9M4aCd1$1$$"
    assert code_of(theirs) == "vault.cipher_foreign"
    assert [code_of(text) for text in ("", "王芳", "13912345678", "##")] == ["vault.cipher_malformed"] * 4


def test_rotation_leaves_old_texts_readable() -> None:
    old = issue(KEYS, TOKEN, NAME, **WHERE)
    rotated = keys_in_memory(seal={1: b"s" * 32, 2: b"t" * 32})
    new = issue(rotated, TOKEN, NAME, **WHERE)
    assert read(rotated, old, **WHERE) == read(rotated, new, **WHERE) == Cited(TOKEN, NAME)
    assert code_of(new) == "vault.cipher_not_yours"  # these keys know nothing of version 2


@given(st.sampled_from(RecipientField), st.booleans())
def test_a_text_survives_json_forms_and_query_strings(field: RecipientField, with_index: bool) -> None:
    text = issue(KEYS, TOKEN, field, index="4R+vH/1x" if with_index else "", **WHERE)
    assert json.loads(json.dumps({"cipher_text": text}))["cipher_text"] == text
    assert parse_qs(urlencode({"cipher_text": text}))["cipher_text"] == [text]
    unescaped = parse_qs("cipher_text=" + text)["cipher_text"][0]  # every + has become a blank
    assert read(KEYS, unescaped, **WHERE) == Cited(TOKEN, field)


# --- the three texts of an order


def test_three_texts_of_one_recipient_lead_to_it() -> None:
    texts = issue_for_order(KEYS, TOKEN, **WHERE)
    assert read_recipient(KEYS, texts, **WHERE) == TOKEN
    other = issue_for_order(KEYS, uuid4(), **WHERE)
    mistakes = {
        "vault.cipher_field": texts._replace(name=texts.phone),
        "vault.cipher_mixed": texts._replace(address=other.address),
        "vault.cipher_malformed": texts._replace(phone="13912345678"),
    }
    for code, wrong in mistakes.items():
        with pytest.raises(Refusal) as refusal:
            read_recipient(KEYS, wrong, **WHERE)
        assert refusal.value.code == code
        assert refusal.value.en


@pytest.mark.parametrize("mark", ["$", "#"])
@pytest.mark.parametrize("index", ["", "4RbvHQ1x"])
def test_a_cut_text_is_never_taken_for_a_name(mark: str, index: str) -> None:
    text = issue(KEYS, TOKEN, PHONE if mark == "$" else NAME, index=index, **WHERE)
    for width in (20, 32, 50, 64, 78):
        assert is_ciphertext(text[:width])
    for start in (1, 2, 10, 30):
        assert is_ciphertext(text[start:])


@pytest.mark.parametrize(
    "text", ["", "王芳", "13912345678", "18400000965-7576", "#2-1102 ABC", "##", "虚构路 3 号 #2#1102", "Zhang San"]
)
def test_what_people_write_is_no_ciphertext(text: str) -> None:
    assert not is_ciphertext(text)


# --- search indexes


@pytest.mark.parametrize(
    ("kind", "column", "spellings"),
    [
        (PHONE, "phone", ["13912345678", "+86 139-1234-5678", "１３９１２３４５６７８"]),
        (NAME, "name", ["欧阳建国", " 欧阳 建国"]),
        (ADDRESS, "detail", ["虚构路1037号A座", "虚构路 1037号Ａ座"]),
    ],
)
def test_the_index_asked_for_is_the_one_that_searchable_texts_carry(
    kind: RecipientField, column: str, spellings: list[str]
) -> None:
    indexes = {search_index_text(KEYS, kind, text) for text in spellings}
    (index,) = indexes
    assert re.fullmatch("[A-Za-z0-9+/]{8}", index)
    person = someone(**{column: spellings[0]})
    for order in ("1", "2"):
        sealed = KEYS.seal(person, f"{SHOP}/{order}")
        texts = issue_searchable(KEYS, sealed, f"{SHOP}/{order}", app=APP, shop=SHOP, order=order)
        text = {PHONE: texts.phone, NAME: texts.name, ADDRESS: texts.address}[kind]
        assert text.split(text[0])[1] == index
        assert index in text
        assert read(KEYS, text, app=APP, shop=SHOP, order=order) == Cited(sealed.token, kind)
    assert search_index_text(KEYS, kind, "somebody else") != index
    assert index != search_index_text(keys_in_memory(index={1: b"x" * 32}), kind, spellings[0])


def test_a_virtual_number_is_indexed_as_it_is_shown() -> None:
    sealed = KEYS.seal(someone(phone="18400000965", extension="7576"), f"{SHOP}/{ORDER}")
    texts = issue_searchable(KEYS, sealed, f"{SHOP}/{ORDER}", **WHERE)
    assert texts.phone.split("$")[1] == search_index_text(KEYS, PHONE, "18400000965-7576")


def test_an_empty_field_has_no_index() -> None:
    sealed = KEYS.seal(Recipient("", "13912345678"), f"{SHOP}/{ORDER}")
    texts = issue_searchable(KEYS, sealed, f"{SHOP}/{ORDER}", **WHERE)
    assert [len(text) for text in texts] == [79, 87, 79]


def test_names_phones_and_addresses_are_indexed_apart_and_apart_from_the_vaults_own() -> None:
    indexes = {search_index_text(KEYS, kind, "13912345678") for kind in RecipientField}
    assert len(indexes) == 4


def test_after_an_index_rotation_the_older_index_is_still_to_be_had() -> None:
    before = search_index_text(KEYS, NAME, "欧阳建国")
    rotated = keys_in_memory(index={1: b"i" * 32, 2: b"j" * 32})
    newest, older = search_index_texts(rotated, NAME, "欧阳建国")
    assert newest == search_index_text(rotated, NAME, "欧阳建国") != before
    assert older == before


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (PHONE, "1" * 41, "vault.text_long"),
        (ADDRESS, "路" * 1_001, "vault.text_long"),
        (NAME, "欧阳\ud800", "vault.text"),
    ],
)
def test_what_cannot_be_indexed_is_refused_without_being_told(kind: RecipientField, text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        search_index_text(KEYS, kind, text)
    assert refusal.value.code == code
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__
    assert "路路" not in str(refusal.value)


@given(recipients())
def test_no_text_holds_anything_of_the_person(person: Recipient) -> None:
    sealed = KEYS.seal(person, f"{SHOP}/{ORDER}")
    texts: OrderTexts = issue_searchable(KEYS, sealed, f"{SHOP}/{ORDER}", **WHERE)
    assert read_recipient(KEYS, texts, **WHERE) == sealed.token
    long_words = {key: text for key, text in planted_words(person).items() if len(text) >= 6}
    if long_words:
        assert planted_in_text(" ".join(texts), long_words) == []
