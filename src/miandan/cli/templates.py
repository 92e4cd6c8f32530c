"""`miandan templates`: what is on the shelf, what a template looks like, whether a file is one, in and out of others'
languages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from miandan.cli.session import SOME_REFUSED, say, shown
from miandan.cli.streams import standard_listing
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

if TYPE_CHECKING:
    from miandan.labels.importers.imported import Unsupported
    from miandan.labels.shelf import Entry, Kept, Shelf
    from miandan.labels.template import CustomArea, Template

FOLDER = "templates"
OURS = "miandan"
"""The language of our own template files."""

_FULL_ONLY = "  注意 note: 收寄件人不按脱敏面单显示，只能用于 shows persons in full, only for --purpose print_full"


def shelf() -> "Shelf":
    """The shelf of this installation."""
    from miandan.labels.shelf import Shelf

    return Shelf(Settings.from_environment().data / FOLDER)


def list_templates() -> int:
    """A line for each template on standard output: name, version, paper, what it is. Damaged ones are named aside."""
    own = shelf()
    lines = [f"{_described(entry)}\n" for entry in own.entries()]
    with standard_listing() as out:
        out.write("".join(lines).encode())
    if damaged := list(own.damaged()):
        say(f"! 不能使用的自有模板 own templates that cannot be used: {', '.join(damaged)}")
        say("  原因见 why:  miandan templates show NAME")
    return 0


def _described(entry: "Entry") -> str:
    name, paper = f"{entry.name}@{entry.version}", f"{entry.width // 1000} x {entry.height // 1000} mm"
    notes = [
        "标准 standard" if entry.standard else "自有 own",
        shown(entry.title),
        "尺寸凭记忆 size from memory" if entry.confidence == "memory" else "",
        "只用于 only for print_full" if entry.full_only else "",
    ]
    return f"{name:<25} {paper:<13} " + "  ".join(filter(None, notes))


def show(name: str) -> int:
    """The template as JSON on standard output, a custom area as it was written."""
    from miandan.labels.template import written

    text = written(shelf().as_written(name))
    with standard_listing() as out:
        out.write(text)
    return 0


def check(files: list[Path]) -> int:
    """Everything that is wrong with each file. Exit code 2 when something is."""
    from miandan.labels.shelf import read_file

    good = [_say_checked(file, read_file(file)) for file in files]
    return 0 if all(good) else SOME_REFUSED


def _say_checked(file: Path, data: bytes) -> bool:
    from miandan.labels.importers import guessed_language
    from miandan.labels.model import Purpose
    from miandan.labels.shelf import check_text

    foreign = "" if _is_ours(data) else guessed_language(data)
    if foreign:
        say(f"✗ {file.name} 是 {foreign} 的模板，请导入 is a template of {foreign}, to be imported:")
        say(f"  miandan templates import {file}")
        return False
    found = check_text(data)
    full_only = bool(found) and not check_text(data, Purpose.PRINT_FULL)
    if not found or full_only:
        say(f"✓ {file.name} 可以使用 can be used")
        if full_only:
            say(_FULL_ONLY)
        return True
    for problem in found:
        say(f"✗ {file.name}  {problem.place}  {problem.zh}")
        say(f"  {' ' * len(file.name)}  {problem.en}")
    return False


def import_template(file: Path, language: str | None, name: str | None, base: str | None, dpi: int | None) -> int:
    """Keep a template of ours or of another system. Exit code 2 when parts of it have no counterpart here.

    Raises labels.language_unknown, labels.base_needs_area, and those of reading, importing and keeping it.
    """
    from miandan.labels.importers import LANGUAGES
    from miandan.labels.importers import import_template as take_over
    from miandan.labels.shelf import own_template, read_file

    if language not in (None, OURS, *LANGUAGES):
        raise Refusal("labels.language_unknown", language=language, known=", ".join((OURS, *LANGUAGES)))
    data = read_file(file)
    if language == OURS or (language is None and _is_ours(data)):
        _say_kept(shelf().put(_renamed(own_template(data), name, base)), file)
        return 0
    found = take_over(data, language, name or _name_of(file), base=base, dpi=dpi)
    _refuse_base(found.template, base)
    _say_unsupported(found.unsupported)
    _say_kept(shelf().put_next(found.template), file)
    return SOME_REFUSED if found.unsupported else 0


def _renamed(template: "Template | CustomArea", name: str | None, base: str | None) -> "Template | CustomArea":
    """The template under another name, a custom area in another standard template."""
    import msgspec

    _refuse_base(template, base)
    changes = {"name": name or template.name} | ({"base": base} if base else {})
    return msgspec.structs.replace(template, **changes)


def _refuse_base(template: "Template | CustomArea", base: str | None) -> None:
    from miandan.labels.template import Template

    if base and isinstance(template, Template):
        raise Refusal("labels.base_needs_area", base=base)


def export(name: str, language: str, out: Path | None) -> int:
    """Write a template for another system, a custom area as one. Exit code 2 when parts of it cannot be said there."""
    from miandan.labels.importers.cainiao_export import export_cainiao
    from miandan.labels.template import written
    from miandan.labels.whole_file import written_whole

    template = shelf().as_written(name)
    unsupported: Sequence[Unsupported] = ()
    if language == OURS:
        text = written(template)
    elif language == "cainiao":
        text, unsupported = export_cainiao(template)
    else:
        raise Refusal("labels.language_unknown", language=language, known=f"{OURS}, cainiao")
    _say_unsupported(unsupported)
    with standard_listing() if out is None else written_whole(out) as file:
        file.write(text)
    if out is not None:
        say(f"✓ {name} → {out}")
    return SOME_REFUSED if unsupported else 0


def schema() -> int:
    """The JSON schema of a template file on standard output."""
    import json

    from miandan.labels.template import json_schema

    with standard_listing() as out:
        out.write((json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n").encode())
    return 0


def _say_unsupported(unsupported: "Sequence[Unsupported]") -> None:
    for one in unsupported:
        say(f"! {one.place}  {one.zh}")
        say(f"  {' ' * len(one.place)}  {one.en}")


def _say_kept(kept: "Kept", file: Path) -> None:
    from miandan.labels.shelf import is_full_only

    named = f"{kept.template.name}@{kept.template.version}"
    say(f"✓ {file.name} → {named}" if kept.new else f"✓ {file.name} 早已在架上，没有变化 was there already → {named}")
    full_only = is_full_only(kept.template)
    if full_only:
        say(_FULL_ONLY)
    purpose = " --purpose print_full" if full_only else ""
    say(f"  使用 use it:  miandan render --template {kept.template.name} --data D.json{purpose} --out labels.pdf")


def _is_ours(data: bytes) -> bool:
    """Whether a file is meant to be a template of ours: a JSON object that is none of hiprint's."""
    import json

    from miandan.labels.importers.reading import decoded

    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    try:
        return not any(_print_elements(json.loads(decoded(data))))
    except (ValueError, RecursionError):
        return True  # and what is wrong with it is said of it


def _print_elements(plain: object) -> Iterator[bool]:
    """For each panel of hiprint's, whether it is one."""
    panels = plain.get("panels") if isinstance(plain, dict) else None
    for panel in panels if isinstance(panels, list) else []:
        yield isinstance(panel, dict) and isinstance(panel.get("printElements"), list)


def _name_of(file: Path) -> str:
    """A template's name made of a file's: what it may not hold becomes a dash."""
    import re

    return re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")[:60] or "imported"
