"""The bytes of a template as text, and the refusal of those that cannot be read."""

from contextlib import suppress
from typing import NoReturn

from miandan.kernel.errors import Refusal


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or GB 18030; lines end in a line feed."""
    has_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if has_mark else ["utf-8-sig", "gb18030"]:
        with suppress(UnicodeDecodeError):
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    return broken("1:1", "既不是 UTF-8 也不是 GB 18030 编码", "neither UTF-8 nor GB 18030")


def broken(place: str, zh: str, en: str) -> NoReturn:
    """Raises Refusal labels.import_broken."""
    raise Refusal("labels.import_broken", place=place, wrong_zh=zh, wrong_en=en)
