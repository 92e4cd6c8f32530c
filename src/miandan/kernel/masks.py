"""What may be seen of a person's name, phone and address without a reveal. A rule is named for where it may stand.

`label` is the paper: GB/T 41833 hides at least one character of the name, six digits of the phone, and unit and room
of the address. `screen` hides four digits of a mobile (138****0000), as every back office shows it; too few for paper.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CIPHERTEXT_MARK: Final = "密文"
"""Stands where a phone is another platform's ciphertext: nothing of it could be dialled or hidden in part."""

_STARS: Final = "***"
_LEAST_HIDDEN: Final = 6  # digits of a phone, GB/T 41833

# --- phones -----------------------------------------------------------------------------------------------------------

_COUNTRY = re.compile(r"^(?:\+|00)?86(?=\D*1|0)")
_PHONE_WITH_TAIL = re.compile(
    r"(?P<main>[+()\d*^_.\s-]*?[\d*)])\s*"
    r"(?:(?:转|轉|分机号?|ext\.?|[,;#/x-])\s*(?P<tail>[\d*]{1,6})#?|\[(?P<boxed>[\d*]{1,6})\])?",
    re.IGNORECASE,
)
_LANDLINE = re.compile(r"^(0(?:10|2\d|[3-9]\d\d))(\d{7,8})$")
_MASKED_LANDLINE = re.compile(r"0\d{2,3}-\*{6}\d{0,2}")  # what was masked before stays as it is
_NO_DIGIT = re.compile(r"[^\d*]")
_MOBILE_DIGITS: Final = 11
_SHORTEST_WITH_TAIL: Final = 10  # digits before a dash, that what follows it can be an extension


def mask_phone(phone: str, rule: str = "label") -> str:
    """A phone by the rule, `密文` for what is no phone. Full-width digits, +86 and marks between digits are read."""
    return mask_numbers(phone, RULES[rule].mobile)


def mask_numbers(phone: str, mobile: Callable[[str], str]) -> str:
    """`mask_phone` with the way of showing a mobile given."""
    if len(phone) == _MOBILE_DIGITS and phone[0] == "1" and phone.isdigit() and phone.isascii():
        return mobile(phone)
    text = unicodedata.normalize("NFKC", phone).strip()
    if not text or _MASKED_LANDLINE.fullmatch(text):
        return text
    match = _PHONE_WITH_TAIL.fullmatch(text)
    if match is None:
        return CIPHERTEXT_MARK
    main, tail = match["main"], match["tail"] or match["boxed"] or ""
    digits = _NO_DIGIT.sub("", _COUNTRY.sub("", main.strip()))
    if tail and (len(digits) < _SHORTEST_WITH_TAIL or _is_mobile(digits + tail)):
        digits, tail = digits + tail, ""  # "0571-88001234" is one number, and so is "138-0000-1234"
    masked = mobile(digits) if _is_mobile(digits) else _mask_landline(digits)
    return masked + mask_extension(tail, "-")


def _is_mobile(digits: str) -> bool:
    return len(digits) == _MOBILE_DIGITS and digits[0] == "1"


def _mask_mobile_on_paper(digits: str) -> str:
    return f"{digits[0]}******{digits[-4:]}"


def _mask_mobile_on_screen(digits: str) -> str:
    return f"{digits[:3]}****{digits[-4:]}"


def _mask_landline(digits: str) -> str:
    """Area code and what is left after six hidden digits; of foreign and service numbers the last digits only."""
    if match := _LANDLINE.match(digits):
        return f"{match[1]}-{'*' * _LEAST_HIDDEN}{match[2][_LEAST_HIDDEN:]}"
    if len(digits) <= _LEAST_HIDDEN:
        return "*" * len(digits)
    shown = min(4, len(digits) - _LEAST_HIDDEN)
    return "*" * (len(digits) - shown) + digits[-shown:]


def mask_extension(extension: str, before: str = "") -> str:
    """Stars for an extension, at most four."""
    return before + "*" * min(len(extension), 4) if extension else ""


# --- names ------------------------------------------------------------------------------------------------------------


def mask_name(name: str) -> str:
    """The first character and at most two stars, so that the length of a name stays unknown: 王**."""
    name = name.strip()
    if len(name) < 2:
        return "*" * len(name)
    return name[0] + "*" * min(len(name) - 1, 2)


# --- unit and room ----------------------------------------------------------------------------------------------------

_N = r"[\dA-Za-z一二三四五六七八九十百零〇○两]"
_DASH = r"[-‐-―－_~～#]"
# 三房巷, 八户村, 二铺镇 are places.
_ROOM_WORD = r"(?:室|房间|房|户|铺位?|工位|床位?)(?![口外部巷村镇乡湾桥沟屯庄路街])"
# A number before one of these is a road, a gate, a building, a team, a distance, a storey or a unit, not a room.
_NO_ROOM = (
    r"(?!\d)(?![A-Za-z]?(?:#|号|號|弄|幢|栋|棟|座|楼|樓|层|層|组|排|队|隊|社|路|街|巷|道|线|米|公里|村|里|期|区|區|院|年"
    r"|乡道|县道|省道|国道|高速|单元|單元))"
)
_DASHED = rf"\s*(?:{_DASH}|一(?=\d))\s*[A-Za-z]?\d{{1,5}}+[A-Za-z]?"
_NUMBERED = re.compile(r"[\dA-Za-z号一二三四五六七八九十][幢栋棟座楼樓层層]")
_HOUSE_WORD = r"[号號幢栋棟座楼樓层層阁轩居苑城府庭园園厦廈寓舍区區院期墅馆店]"

_UNIT_AND_ROOM = re.compile(
    # 2单元501室, 甲单元, 东单元: the unit with every number that follows it
    rf"(?:{_N}{{1,4}}|[东西南北中甲乙丙丁]){_DASH}?(?:单元|單元)"
    rf"(?:[,，\s]*{_DASH}?{_N}{{1,5}}(?:楼|层|{_DASH})?{_N}{{0,5}}(?:号房?|{_ROOM_WORD})?)?"
    # 501室, 12B房, 三零二室, A区5号铺
    rf"|{_N}{{1,6}}(?:号|號)?{_ROOM_WORD}"
    # 东户, 西边户
    r"|[东西南北中左右][边侧首手]?户"
    # 47-6-746 keeps the building, 70-18号 is a gate: (kept building)(unit and room)
    rf"|(?<![\dA-Za-z])(?P<building>[A-Za-z]?\d{{1,4}}(?:号楼?|幢|栋|座|楼)?)"
    rf"(?>(?:{_DASHED}){{2,}}号?|{_DASHED}(?![号號弄幢栋座单單]))(?:{_ROOM_WORD})?"
    # 5号楼402, 6栋 1203, A座15F02, 公寓1508
    rf"|(?<={_HOUSE_WORD})[\s,，、]*[A-Za-z]?\d{{1,5}}[A-Za-z]?\d{{0,4}}{_NO_ROOM}(?:{_ROOM_WORD})?"
    # 15栋114号, 6楼96号: behind a numbered building or storey, 号 is a door
    r"|(?<=[\dA-Za-z号一二三四五六七八九十][幢栋棟座楼樓层層])\s*[A-Za-z]?\d{1,5}[号號](?![楼樓幢栋棟座弄])房?"
    # 三楼三零二
    rf"|(?<=[楼层幢栋座])[一二三四五六七八九零〇]{{3,4}}{_NO_ROOM}"
    # a number of two to five digits where the text, or its part, ends; after a road it is a gate
    r"|(?<![\d路街道巷弄线号A-Za-z])[A-Za-z]?\d{2,5}(?:[A-Za-z]\d{1,4})?[A-Za-z]?(?=$|[\s,，。;；(（【\[])"
)


# 969 号 3 幢 601 室: a blank that people put between a number and its word says nothing. What may begin something else
# (座机, 楼下, 号码) counts only where the word ends there.
_SPACED = re.compile(
    r"(?<=[\dA-Za-z])\s+(?=[号號](?![码碼])|[幢栋棟弄]|单元|單元|室"
    r"|(?:[座楼樓层層期区區房户组組队隊社排]|村|号楼)(?:$|[\s\dA-Za-z,，。;；(（【\[]))"
)


def _hide_room(match: re.Match[str]) -> str:
    building = match["building"]
    before = match.string[max(0, match.start() - 2) : match.start()]
    if not building or _NUMBERED.fullmatch(before):  # 12楼6289-2 has its building already
        return _STARS
    return f"{building}-{_STARS}"


def mask_room(detail: str) -> str:
    """Road, gate and building stay; unit and room become stars (GB/T 41833)."""
    return _UNIT_AND_ROOM.sub(_hide_room, _SPACED.sub("", detail))


def mask_detail(detail: str) -> str:
    """`mask_room`, and the phones that stand among the text become stars too."""
    return mask_room(mask_remark(detail))


# --- remarks ----------------------------------------------------------------------------------------------------------

_D = r"[\d零〇○一二三四五六七八九幺]"
_GAP = r"[\s\u200b\u200c\u200d\ufeff\-‐-―－_.·,，、*/]{0,3}"
_MOBILE = rf"[1一幺１]{_GAP}[3-9三四五六七八九３-９](?:{_GAP}{_D}){{9}}"
_EXTENSION = r"(?:\s*(?:转|轉|分机号?)\s*\d{1,6})?"
_REMARK_PHONE = re.compile(
    rf"(?<!{_D})(?:(?:[+＋]|[0０]{{2}})?{_GAP}[8８八]{_GAP}[6６六]{_GAP}|[0０])?{_MOBILE}(?:{_GAP}{_MOBILE})*(?!{_D}){_EXTENSION}"
    # landlines: an area code, then seven or eight digits
    rf"|(?<!\d)[(（]?[0０](?:[1１][0０]|[2２]\d|[3-9３-９]\d\d)[)）]?[\s\-‐-―－]{{0,2}}\d{{3,4}}[\s\-]?\d{{4}}(?!\d){_EXTENSION}"
)
_PHONE_STARS: Final = "*" * _MOBILE_DIGITS
_FEWEST_DIGITS: Final = 7


def mask_remark(remark: str) -> str:
    """The remark with every phone in it made stars, also one that is spaced, dashed, full-width or in characters."""
    if len(remark) < _FEWEST_DIGITS:
        return remark
    return _REMARK_PHONE.sub(_PHONE_STARS, remark)


_BARE_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.ASCII)


def mask_mobiles(text: str) -> str:
    """The text with every mobile of eleven digits in it made stars: for names of goods, whose other numbers stay."""
    if len(text) < _MOBILE_DIGITS or _BARE_MOBILE.search(text) is None:
        return text
    return _BARE_MOBILE.sub(_PHONE_STARS, text)


def hide_person(text: str, name: str, phone: str) -> str:
    """`text` without phones, and without one person's name and phone in whatever form they stand there."""
    if len(name) > 1 and name in text:
        text = text.replace(name, mask_name(name))
    if len(phone) > _LEAST_HIDDEN and phone in text:
        text = text.replace(phone, _PHONE_STARS)
    return mask_remark(text)


# --- rules ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A named way to show a recipient; rules differ in how much of a mobile they show."""

    name: str
    mobile: Callable[[str], str]


RULES: Final = {
    "label": MaskRule("label", _mask_mobile_on_paper),
    "screen": MaskRule("screen", _mask_mobile_on_screen),
}
