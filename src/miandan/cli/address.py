"""`miandan address`: one recipient text per line in, one JSON object per line out."""

import sys
from pathlib import Path


def address(source: Path | None) -> int:
    """Parse every line of a file or of standard input. An empty line gives an object with empty fields."""
    import msgspec

    from miandan.addresses import describe, parse

    lines = sys.stdin.buffer if source is None else source.open("rb")
    with lines:
        for line in lines:
            text = line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
            sys.stdout.write(msgspec.json.encode(describe(parse(text))).decode() + "\n")
    return 0
