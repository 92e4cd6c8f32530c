"""Hides one sealed recipient in texts that others wrote about its parcel, such as scans. Nothing plain gets out.

More than the masks of `kernel.masks` is hidden, since such a text is shown next to the number: besides name, phone and
extension every piece of the address detail that stands in the text. Spaces, full-width forms and marks between the
characters make no difference. A word of the place that happens to be in the detail too is hidden with it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from miandan.kernel.masks import mask_name
from miandan.vault.ciphertext import recognise
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.spelling import spelled_phone

_STARS: Final = "***"
_MARKS: Final = frozenset(" ·•.-‐－—_'\"()（）[]【】「」*,，、:：;；/")
"""Between the characters of a name, a phone or an address these say nothing."""
_LOCAL_DIGITS: Final = 7  # of a landline without its area code
_LEAST_PHONE: Final = 5
_LONGEST_SURNAME: Final = 2
_UNITS: Final = 3
"""So many characters in a row (a whole number counts as one) that stand in the detail are a piece of it."""
_UNIT = re.compile(r"(?<!\d)\d(?:[\s.·-]{1,2}\d(?!\d))+|\d+|[^\W_]")
_BETWEEN_DIGITS = re.compile(r"[\s.·-]+")
_PARTS = re.compile(r"[^,，。;；、/()（）\[\]【】|]+")
_PLACES_OF_ALL = re.compile(
    r"菜鸟驿站|驿站|快递柜|智能柜|丰巢柜?|自提[点柜]|代收点|代理点|服务[站点部]|便利店|超市|有限公司|公司|营业[部厅]|转运中心"
    r"|收发室|传达室|物业|门卫|前台|保安|家门口|门口|本人|派送|签收|电话|联系"
)
"""Words of every second scan; standing in a detail they name nobody's door."""


class _Read(NamedTuple):
    """A text as it is compared: folded characters, and the place in the text that each came from."""

    folded: str
    places: list[int]


def without_recipient(keys: MerchantKeys, sealed: Sealed, bound_to: str, texts: Sequence[str]) -> list[str] | None:
    """The texts without the sealed recipient; free of budget and audit, since nothing of it is shown.

    None where nobody can tell who it is: a recipient that came masked or as another platform's ciphertext. Raises
    what `MerchantKeys.open` raises.
    """
    recipient = keys.open(sealed, bound_to)
    if not _is_told(recipient.name) or not _is_told(recipient.phone):
        return None
    return veiled(recipient, texts)


def veiled(recipient: Recipient, texts: Sequence[str]) -> list[str]:
    """The same for a recipient in plain; for the vault's own files."""
    pieces, divisions = _pieces(recipient)
    hidden = []
    for text in texts:
        for name in (recipient.name, *_given_names(recipient.name)):
            text = _without_run(text, _folded(name).folded, mask_name(name) if name == recipient.name else "**")
        for number in _numbers(recipient.phone):
            text = _without_run(text, number, _STARS)
        text = _without_extension(text, recipient.extension)
        hidden.append(_without_pieces(text, pieces, divisions) if pieces else text)
    return hidden


def _is_told(text: str) -> bool:
    return bool(text.strip()) and "*" not in text and recognise(text) is None


def _given_names(name: str) -> Iterator[str]:
    """A name without its surname, where what is left is more than a syllable."""
    name = "".join(one for one in name if one not in _MARKS)
    if name and not name.isascii():
        yield from (name[size:] for size in range(1, _LONGEST_SURNAME + 1) if len(name) - size > 1)


def _numbers(phone: str) -> Iterator[str]:
    digits = spelled_phone(phone)
    if digits.isdigit() and len(digits) >= _LEAST_PHONE:
        yield digits
        if digits[0] == "0":
            yield from (digits[size:] for size in (3, 4) if len(digits) - size >= _LOCAL_DIGITS)


def _folded(text: str, marks: frozenset[str] = _MARKS) -> _Read:
    folded, places = [], []
    for place, character in enumerate(text):
        if character in marks or character.isspace():
            continue
        for one in character if character.isascii() else unicodedata.normalize("NFKC", character):
            folded.append(one.lower() if one.isascii() else one)
            places.append(place)
    return _Read("".join(folded), places)


def _without_run(text: str, wanted: str, shown: str) -> str:
    """`text` with `shown` wherever `wanted` stands, marks and spaces between its characters or not."""
    if len(wanted) < 2 or len(wanted) > len(text):
        return text
    read = _folded(text)
    at = read.folded.rfind(wanted)
    while at >= 0:
        start, end = read.places[at], read.places[at + len(wanted) - 1] + 1
        text = text[:start] + shown + text[end:]
        at = read.folded.rfind(wanted, 0, at)
    return text


def _without_extension(text: str, extension: str) -> str:
    if not extension.isdigit():
        return text
    before = r"(?<!\d)" if len(extension) > 2 else r"(?<=[转轉机号#\-－])"
    return re.sub(rf"{before}{extension}(?!\d)", _STARS, text)


def _units(text: str) -> Iterator[tuple[str, int, int]]:
    """Characters and whole numbers with where they begin and end, in compatibility form."""
    for found in _UNIT.finditer(text):
        unit = unicodedata.normalize("NFKC", found[0]).lower()
        yield _BETWEEN_DIGITS.sub("", unit), found.start(), found.end()


def _pieces(recipient: Recipient) -> tuple[frozenset[tuple[str, ...]], re.Pattern[str] | None]:
    """What of the detail is looked for, as runs of units; and the divisions, which may be shown."""
    r = recipient
    names = {name for name in (r.province, r.city, r.district, r.town) if len(name) > 1}
    longest_first = sorted(names, key=len, reverse=True)
    divisions = re.compile("|".join(map(re.escape, longest_first))) if names else None
    detail = divisions.sub("|", r.detail) if divisions else r.detail
    pieces: set[tuple[str, ...]] = set()
    for part in _PARTS.findall(_PLACES_OF_ALL.sub("|", detail)):
        units = [unit for unit, _, _ in _units(part)]
        pieces.update(zip(*(units[step:] for step in range(_UNITS)), strict=False))
        pieces.update(pair for pair in pairwise(units) if any(map(str.isdigit, pair)))
        pieces.update((unit,) for unit in units if unit.isdigit() and len(unit) >= _UNITS)
        pieces.update(tuple(word) for word in part.split() if len(word) == _UNITS - 1)
    return frozenset(pieces), divisions


def _without_pieces(text: str, pieces: frozenset[tuple[str, ...]], divisions: re.Pattern[str] | None) -> str:
    """Stars for every run of units of which each stands in a piece."""
    shown = {place for one in divisions.finditer(text) for place in range(*one.span())} if divisions else set()
    units = [unit for unit in _units(text) if unit[1] not in shown]
    covered: set[int] = set()
    for at in range(len(units)):
        for length in range(1, min(_UNITS, len(units) - at) + 1):
            if tuple(unit for unit, _, _ in units[at : at + length]) in pieces:
                covered.update(range(at, at + length))
    for first, last in reversed(list(_runs(sorted(covered)))):
        text = text[: units[first][1]] + _STARS + text[units[last][2] :]
    return text


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of what stands next to each other."""
    first = last = -1
    for place in places:
        if first >= 0 and place != last + 1:
            yield first, last
            first = place
        first = place if first < 0 else first
        last = place
    if first >= 0:
        yield first, last
