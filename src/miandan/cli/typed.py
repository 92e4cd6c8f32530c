"""What an operator types: names, ids, entry keys, files. A slip is refused here, before it stands in any book."""

import re
import uuid
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from miandan.cli.session import shown
from miandan.kernel.errors import Refusal
from miandan.merchants.model import read_merchant_id

HEAD_OFFICE_WORD = "-"
"""What is typed for a carrier's head office, whose code is empty."""
LONGEST_NAME = 100
LONGEST_KEY = 100
LARGEST_FILE = 64 * 1024 * 1024

_ID = re.compile(r"[^\s/#]{1,64}")  # a parcel's key is written shop/order#pack
_ENTRIES = UUID("6d69616e-6461-8e74-8000-656e74727931")
"""Namespace of the ids that are made of entry keys; never changed, or old keys would book again."""


def name(text: str, what: str) -> str:
    """A name without the blanks around it. Raises setup.name_missing."""
    found = text.strip()
    if not 0 < len(found) <= LONGEST_NAME or shown(found, LONGEST_NAME) != found:
        raise Refusal("setup.name_missing", what=what, most=LONGEST_NAME)
    return found


def code(text: str, what: str) -> str:
    """An id or code that somebody else gave: a shop's, a branch's. Raises setup.id_malformed."""
    found = text.strip()
    if not _ID.fullmatch(found) or shown(found) != found:
        raise Refusal("setup.id_malformed", what=what, text=shown(text.strip()))
    return found


def branch_code(text: str) -> str:
    """A branch's code, '' for the head office. Raises setup.id_malformed."""
    return "" if text.strip() in ("", HEAD_OFFICE_WORD) else code(text, "网点编号 branch code")


def merchant(text: str) -> int:
    """Raises merchant.id_malformed."""
    return int(read_merchant_id(text.strip()))


def own_id(text: str, unknown: Refusal) -> UUID:
    """One of our own ids. Raises `unknown` for a text that is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise unknown from None


def choice(text: str, choices: Iterable[str], what: str) -> str:
    """One of a few words. Raises setup.choice."""
    known = list(choices)
    if text not in known:
        raise Refusal("setup.choice", what=what, text=shown(text), choices="、".join(known))
    return text


def entry(kind: str, owner: str, key: str) -> UUID:
    """The id of an entry by the key that was typed: the same whenever the same is typed. Raises setup.entry_missing.

    `owner` is whose keys are told apart: a carrier, an account.
    """
    found = key.strip()
    if not 0 < len(found) <= LONGEST_KEY:
        raise Refusal("setup.entry_missing", most=LONGEST_KEY)
    return uuid.uuid5(_ENTRIES, "\n".join((kind, owner, found)))


def by_key(refusal: Refusal, key: str) -> Refusal:
    """An entry is called by the key that was typed, not by the id made of it."""
    if refusal.code == "stock.entry_reused":
        return Refusal("stock.entry_reused", entry=shown(key.strip()))
    if refusal.code == "share.grant_reused":
        return Refusal("share.grant_reused", grant=shown(key.strip()))
    return refusal


def content(file: Path) -> bytes:
    """A file's bytes. Raises setup.file_unreadable."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise Refusal("setup.file_unreadable", file=file, reason=f"> {LARGEST_FILE >> 20} MB")
        return file.read_bytes()
    except OSError as error:
        raise Refusal("setup.file_unreadable", file=file, reason=error.strerror or type(error).__name__) from error


def text_of(file: Path) -> str:
    """A text file in UTF-8 or GB18030. Raises setup.file_unreadable."""
    data = content(file)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refusal("setup.file_unreadable", file=file, reason="UTF-8 / GB18030 ?")
