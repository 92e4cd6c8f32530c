"""Templates of others taken over into our model, and one language into which ours are written out.

`import_template` reads Cainiao's print language, hiprint's JSON and a subset of ZPL; `export_cainiao` writes Cainiao's.
Nothing is run and nothing is dropped in silence: what has no place in our model is listed with where it stood.
"""

import re

from miandan.kernel.errors import Refusal
from miandan.labels.checking import Standards, read_template
from miandan.labels.importers.cainiao import import_cainiao
from miandan.labels.importers.hiprint import import_hiprint
from miandan.labels.importers.imported import MOST_BYTES, Imported, Unsupported
from miandan.labels.importers.zpl import import_zpl
from miandan.labels.standards import standard
from miandan.labels.template import written

LANGUAGES = ("cainiao", "hiprint", "zpl")

__all__ = ["LANGUAGES", "Imported", "Unsupported", "import_template"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_LOOKED_AT = 100_000  # bytes in which a language shows itself


def import_template(
    data: bytes,
    language: str | None,
    name: str,
    *,
    base: str | None = None,
    dpi: int | None = None,
    standards: Standards = standard,
) -> Imported:
    """The template in `data` under the name `name`; it passes `checking.problems`.

    `language` is one of `LANGUAGES`, None lets the data tell. `base`: the standard template into which a custom area
    of Cainiao's goes. `dpi` (203 or 300): the printer for which ZPL was written; None guesses it by the width.
    Raises Refusal: labels.import_language, labels.import_name, labels.import_too_large, labels.import_broken,
    labels.import_paper, labels.import_base, labels.import_too_complex.
    """
    if len(data) > MOST_BYTES:
        raise Refusal("labels.import_too_large", most=MOST_BYTES // 1_000_000)
    if not _NAME.fullmatch(name):
        raise Refusal("labels.import_name", name=name)
    language = language or guessed_language(data)
    if language == "cainiao":
        imported = import_cainiao(data, name, base or "", standards)
    elif language == "hiprint":
        imported = import_hiprint(data, name)
    elif language == "zpl":
        imported = import_zpl(data, name, dpi)
    else:
        raise Refusal("labels.import_language", known="、".join(LANGUAGES))
    read_template(written(imported.template), standards)  # a template that the engine refuses is nobody's import
    return imported


def guessed_language(data: bytes) -> str:
    """The language in which a template is written; empty when it is none of ours."""
    start = data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or start.startswith(b"<"):
        return "cainiao"
    if start.startswith((b"{", b"[", b'"')):
        return "hiprint" if b"printElements" in data or b'"panels"' in data else ""
    return "zpl" if b"^XA" in data.upper() else ""
