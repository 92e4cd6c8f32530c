"""`miandan templates`: what is on the shelf, what a template looks like, whether a file is one, in and out of others'
languages."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from miandan.cli.session import SOME_REFUSED, say
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

if TYPE_CHECKING:
    from miandan.labels.importers.imported import Unsupported
    from miandan.labels.shelf import Shelf
    from miandan.labels.template import CustomArea, Template

FOLDER = "templates"


def shelf() -> "Shelf":
    """The shelf of this installation."""
    from miandan.labels.shelf import Shelf

    return Shelf(Settings.from_environment().data / FOLDER)


def list_templates() -> int:
    """A line for each template on standard output: name, version, paper, what it is."""
    from rich.cells import set_cell_size

    for entry in shelf().entries():
        paper = f"{entry.width // 1000} x {entry.height // 1000} mm"
        kind = "标准 standard" if entry.standard else "自有 own"
        doubt = "  尺寸凭记忆 size from memory" if entry.confidence == "memory" else ""
        title = f"  {entry.title}" if entry.title else ""
        name = set_cell_size(f"{entry.name}@{entry.version}", 26)
        sys.stdout.write(f"{name}{set_cell_size(paper, 14)}{kind}{title}{doubt}\n")
    return 0


def show(name: str) -> int:
    """The template as JSON on standard output."""
    from miandan.labels.template import written

    sys.stdout.buffer.write(written(shelf().find(name)))
    return 0


def check(files: list[Path]) -> int:
    """Everything that is wrong with each file. Exit code 2 when something is."""
    from miandan.labels.shelf import check_file

    wrong = 0
    for file in files:
        found = check_file(file)
        wrong += bool(found)
        if not found:
            say(f"✓ {file.name} 可以使用 can be used")
        for problem in found:
            say(f"✗ {file.name}  {problem.place}  {problem.zh}")
            say(f"  {' ' * len(file.name)}  {problem.en}")
    return SOME_REFUSED if wrong else 0


def import_template(file: Path, language: str | None, name: str | None, base: str | None, dpi: int | None) -> int:
    """Keep a template of ours or of another system. Exit code 2 when parts of it have no counterpart here."""
    from miandan.labels.shelf import own_template, read_file

    data = read_file(file)
    if language in (None, "miandan") and data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and not _is_hiprint(data):
        template = own_template(data)
        shelf().put(template)
        _say_kept(template, file)
        return 0
    from miandan.labels.importers import import_template as take_over

    found = take_over(data, language, name or _name_of(file), base=base, dpi=dpi)
    _say_unsupported(found.unsupported)
    template = shelf().put_next(found.template)
    _say_kept(template, file)
    return SOME_REFUSED if found.unsupported else 0


def export(name: str, language: str, out: Path | None) -> int:
    """Write a template for another system. Exit code 2 when parts of it cannot be said there."""
    from miandan.labels.importers.cainiao_export import export_cainiao
    from miandan.labels.template import written
    from miandan.labels.whole_file import written_whole

    template = shelf().find(name)
    unsupported: Sequence[Unsupported] = ()
    if language == "miandan":
        text = written(template)
    elif language == "cainiao":
        text, unsupported = export_cainiao(template)
    else:
        raise Refusal("labels.language_unknown", language=language, known="miandan, cainiao")
    _say_unsupported(unsupported)
    if out is None:
        sys.stdout.buffer.write(text)
    else:
        with written_whole(out) as file:
            file.write(text)
        say(f"✓ {name} → {out}")
    return SOME_REFUSED if unsupported else 0


def schema() -> int:
    """The JSON schema of a template file on standard output."""
    import json

    from miandan.labels.template import json_schema

    sys.stdout.write(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n")
    return 0


def _say_unsupported(unsupported: "Sequence[Unsupported]") -> None:
    for one in unsupported:
        say(f"! {one.place}  {one.zh}")
        say(f"  {' ' * len(one.place)}  {one.en}")


def _say_kept(template: "Template | CustomArea", file: Path) -> None:
    say(f"✓ {file.name} → {template.name}@{template.version}")
    say(f"  使用 use it:  miandan render --template {template.name} --data D.json --to pdf --out labels.pdf")


def _is_hiprint(data: bytes) -> bool:
    return b'"panels"' in data


def _name_of(file: Path) -> str:
    """A template's name made of a file's: what it may not hold becomes a dash."""
    import re

    return re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")[:60] or "imported"
