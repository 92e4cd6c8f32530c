"""Finds the phone in pasted text: mobiles, virtual numbers with extension, landlines, 400 numbers, overseas."""

import re
from typing import NamedTuple

_LABEL = r"(?:(?:tel|phone|mobile|手机号码?|联系电话|联系方式|电话号码|电话|手机)[ .:]*)?"
_MOBILE = (
    r"(?:\(?(?:\+|00)?86\)?[- ]?)?"
    r"(?P<mobile>1[3-9]\d{9}|1[3-9]\d([- ])\d{4}\2\d{4}|1[3-9]\d([- ])\d{3}\3\d{5}|1[3-9]\d{2}([- ])\d{3}\4\d{4}|"
    r"1[3-9]\d{3}([- ])\d{3}\5\d{3}|1[3-9]\d\*{4}\d{4})"
)
_SERVICE = r"(?P<service>[48]00(?:[- ]?\d{3}[- ]?\d{4}|[- ]?\d{4}[- ]?\d{3}))"
_LANDLINE = r"\(?(?:(?:\+|00)?86[- ]?)?(?P<area>010|02\d|0[3-9]\d{2})[)]?[- ]?(?P<local>[2-8]\d{6,7})"
_OVERSEAS = r"(?:\+|00)(?P<overseas>(?:852|853)[- ]?\d{4}[- ]?\d{4}|886[- ]?0?9\d{2}[- ]?\d{3}[- ]?\d{3})"
_PHONE = re.compile(
    rf"(?<![\d*]){_LABEL}(?<!\d)(?:{_MOBILE}|{_SERVICE}|{_LANDLINE}|{_OVERSEAS})(?![\d*])", re.IGNORECASE | re.ASCII
)
_EXTENSION = re.compile(
    r" ?(?:转(?:分机)?|分机号?|ext\.?)[ :]*(\d{1,6})(?!\d)|"
    r" ?[(\[#](?:转|分机)?[ :]?(\d{3,6})[)\]#]?(?![\d号栋幢室弄])|"
    r"[-_](\d{3,6})(?=$|[\s,:()\[\]]|[\u4e00-\u9fff])(?![号栋幢室弄座楼单])|"
    r" ?, ?(\d{3,4})(?=$|[\n,])",
    re.ASCII,
)
_LOCAL = re.compile(r"(?<!\d)[2-8]\d{6,7}(?!\d)", re.ASCII)
_GLUED = re.compile(r"\d{1,4}(1[3-9]\d{9})(?!\d)", re.ASCII)
_NOT_DIGIT = re.compile(r"[^\d*]")
_LONG_TOKEN = re.compile(r"[A-Za-z0-9+/=~$]{24,}")


class FoundPhone(NamedTuple):
    """A phone and where it stands; every digit comes from the text."""

    phone: str
    extension: str
    start: int
    end: int
    doubt: str


def find_phone(text: str) -> FoundPhone | None:
    """The phone of a cleaned text: the first mobile, else the first number that has a phone's form."""
    first: FoundPhone | None = None
    count = 0
    for found in _PHONE.finditer(text):
        if _inside_cipher(text, found.start()):
            continue
        count += 1
        if first is None or (found["mobile"] and "-" in first.phone):
            first = _read(text, found)
    if first is None:
        return _glued(text)
    return first._replace(doubt="phone: 有多个号码，取了一个") if count > 1 and not first.doubt else first


def find_local_number(text: str) -> FoundPhone | None:
    """Seven or eight digits without area code; only for text that a label calls a phone."""
    found = _LOCAL.search(text)
    if found is None:
        return None
    return FoundPhone(found[0], "", found.start(), found.end(), "phone: 固定电话没有区号")


def _read(text: str, found: re.Match[str]) -> FoundPhone:
    number = found["mobile"] or found["service"] or found["overseas"]
    phone = _NOT_DIGIT.sub("", number) if number else f"{found['area']}-{found['local']}"
    extension = _EXTENSION.match(text, found.end())
    end = extension.end() if extension else found.end()
    doubt = "phone: 号码被打码" if "*" in phone else ""
    if extension and extension[4]:
        doubt = "extension: 逗号后的数字当作分机号"
    return FoundPhone(phone, next(filter(None, extension.groups()), "") if extension else "", found.start(), end, doubt)


def _glued(text: str) -> FoundPhone | None:
    """Eleven digits at the end of a longer run, as when a room number stands right before the phone."""
    found = _GLUED.search(text)
    if found is None or _inside_cipher(text, found.start()):
        return None
    return FoundPhone(found[1], "", found.start(1), found.end(), "phone: 与前面的数字连写")


def _inside_cipher(text: str, position: int) -> bool:
    """Ciphertext of another platform is a long run of letters and digits; digits in it are no phone."""
    return any(run.start() <= position < run.end() and not run[0].isdigit() for run in _LONG_TOKEN.finditer(text))
