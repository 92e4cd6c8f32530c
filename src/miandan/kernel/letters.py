"""Codes that people read to each other and type: letters that nobody mixes up, however they are written back."""

import secrets
import unicodedata
from typing import Final

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's thirty-two: five random bits each."""

_LOOK_ALIKE: Final = str.maketrans("OIL", "011")


def new_letters(count: int) -> str:
    """So many at random."""
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def as_written(typed: str) -> str:
    """What was typed as it was once made: capitals, of the usual width, look-alikes put right. What else was typed
    stays between."""
    return unicodedata.normalize("NFKC", typed).upper().translate(_LOOK_ALIKE)
