"""One spelling for what people write in many: the form in which phones, names and places are compared and indexed."""

import re
import unicodedata

from miandan.vault.model import Recipient

_COUNTRY_CODE = re.compile(r"(?:\+|00)?86(?=1[3-9]\d{9}$|0\d{9,11}$)")
_PHONE_MARKS = re.compile(r"[\s\-‐-―._()+]+")
_VIRTUAL = re.compile(r"(1\d{10})\s*[-转,，]\s*(\d{1,6})")
MOBILE_DIGITS = 11
TAIL_DIGITS = 4


def is_plain_mobile(phone: str) -> bool:
    """Eleven ASCII digits: the form nearly every phone already has."""
    return len(phone) == MOBILE_DIGITS and phone.isdigit() and phone.isascii()


def spelled_phone(phone: str) -> str:
    """Digits only, without +86, where it is a phone; any other text (a ciphertext) only loses its outer spaces."""
    if is_plain_mobile(phone):
        return phone
    text = unicodedata.normalize("NFKC", phone).strip()
    digits = _PHONE_MARKS.sub("", text)
    if not (digits.isdigit() and digits.isascii()):
        return text
    return _COUNTRY_CODE.sub("", digits)


def split_extension(phone: str) -> tuple[str, str]:
    """Number and extension of a virtual number in one text, such as 18400000965-7576; any other phone as it is."""
    if phone.isdigit():
        return phone, ""
    match = _VIRTUAL.fullmatch(phone.strip())
    return (match[1], match[2]) if match else (phone, "")


def spelled_text(text: str) -> str:
    """Compatibility forms folded (full-width letters and digits), all white space gone."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def spelled_recipient(recipient: Recipient, phone: str) -> str:
    """Name, `phone` as `spelled_phone` gave it, extension and address as one text.

    A division code stands for the names of province, city and district, which may be written short or long.
    """
    r = recipient
    division = r.division_code or f"{r.province}\0{r.city}\0{r.district}"
    return spelled_text(f"{r.name}\0{phone}\0{r.extension}\0{division}\0{r.town}\0{r.detail}")
