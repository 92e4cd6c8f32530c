"""`miandan address`: one recipient text per line in, one JSON object per line out."""

import codecs
import sys
from pathlib import Path
from typing import BinaryIO

from miandan.cli.session import NOTHING_DONE, complain, say
from miandan.kernel.errors import Refusal


def address(source: Path | None) -> int:
    """Read every line of a file or of standard input, UTF-8 or GB18030. An empty line gives an object with empty
    fields, so that line n of the output is line n of the input."""
    if source is None:
        return _answer(sys.stdin.buffer)
    try:
        file = source.open("rb")
    except OSError as error:
        complain(Refusal("address.file_unreadable", file=source, reason=error.strerror))
        return NOTHING_DONE
    with file:
        return _answer(file)


def _answer(lines: BinaryIO) -> int:
    import msgspec

    from miandan.addresses import describe, parse

    # Bytes, since a terminal's encoding may not hold every character.
    out, unread = sys.stdout.buffer, 0
    for line in lines:
        text, whole = _decoded(line.rstrip(b"\r\n"))
        unread += not whole
        out.write(msgspec.json.encode(describe(parse(text))) + b"\n")
    out.flush()
    if unread:
        say(
            f"! {unread} 行有无法识别的字符（既不是 UTF-8 也不是 GB18030），已用 � 代替。/ "
            f"{unread} lines hold characters of an unknown encoding, replaced by �."
        )
    return 0


def _decoded(line: bytes) -> tuple[str, bool]:
    """The line as text, and whether all of it could be read."""
    line = line.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding), True
        except UnicodeDecodeError:
            continue
    return line.decode(errors="replace"), False
