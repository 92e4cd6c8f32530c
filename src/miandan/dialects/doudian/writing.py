"""Pieces of an answer as the platform types them."""

from datetime import datetime
from typing import Final

_LARGEST: Final = 2**63 - 1


def id_of(text: str) -> int | str:
    """A number where the text is how a number that 64 bits hold is written, else the text."""
    plain = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    return int(text) if plain and len(text) <= 19 and int(text) <= _LARGEST else text


def seconds(moment: datetime | None) -> int:
    """Whole seconds since 1970; 0 for no moment, as the protocol says it."""
    return 0 if moment is None else int(moment.timestamp())
