"""The templates that are at hand: the platform's standard ones, and the merchant's own in a folder, every version kept.

A file of the folder is named for its template and version (`shop-a.v3.json`), is written whole or not at all, and is
never changed: a new version is a new file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import Problem, problems, read_template
from miandan.labels.template import CustomArea, Template, written
from miandan.labels.whole_file import written_whole

_FILE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)\.v(?P<version>[1-9]\d{0,8})\.json")
_LARGEST = 4_000_000  # bytes of a template file; pictures included


@dataclass(frozen=True, slots=True)
class Entry:
    """A template of the shelf: a standard one, or the newest version of a merchant's own."""

    name: str
    version: int
    width: int  # micrometres
    height: int
    standard: bool
    title: str
    confidence: str  # of a standard template's paper


class Shelf:
    """Standard templates and those of one folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> Iterator[Entry]:
        """All templates by name; a file of the folder that cannot be read is left out (`find` says why)."""
        for name in standards.standard_names():
            template = standards.standard(name)
            if template is not None:
                confidence = template.paper.confidence if template.paper else ""
                yield _entry(template, standard=True, confidence=confidence)
        for name in sorted(self._versions()):
            try:
                yield _entry(self.find(name), standard=False, confidence="")
            except Refusal:
                continue

    def find(self, wanted: str) -> Template:
        """The template called `wanted`: a name, a name with a version (`shop-a@3`), or the path of a file.

        Raises Refusal labels.template_unknown, labels.template_wrong, labels.file_unreadable.
        """
        name, _, version = wanted.partition("@")
        if not version and (standard := standards.standard(name)) is not None:
            return standard
        versions = self._versions().get(name, {})
        number = int(version) if version.isascii() and version.isdecimal() else max(versions, default=0)
        if number in versions:
            return read_template(read_file(versions[number]), standards.standard)
        path = Path(wanted)
        if path.suffix or path.is_file():
            return read_template(read_file(path), standards.standard)
        known = [*standards.standard_names(), *self._versions()]
        near = get_close_matches(wanted, known, 6, 0.4) or known
        raise Refusal("labels.template_unknown", name=wanted, near="、".join(near[:12]))

    def put(self, template: Template | CustomArea) -> Path:
        """Keep a template. The same content again changes nothing.

        Raises Refusal labels.template_locked for the name of a standard template, labels.template_version when the
        version is there with other content, labels.template_wrong, and those of writing a file.
        """
        if standards.standard(template.name) is not None:
            raise Refusal("labels.template_locked", name=template.name)
        content = written(template)
        read_template(content, standards.standard)
        versions = self._versions().get(template.name, {})
        if template.version in versions:
            if _same(read_file(versions[template.version]), content):
                return versions[template.version]
            newest = max(versions)
            raise Refusal("labels.template_version", name=template.name, version=template.version, newest=newest)
        path = self._folder / f"{template.name}.v{template.version}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as failed:
            raise Refusal("labels.not_writable", file=str(self._folder), reason=failed.strerror) from failed
        with written_whole(path) as out:
            out.write(content)
        return path

    def put_next(self, template: Template | CustomArea) -> Template | CustomArea:
        """Keep a template that knows no versions of its own under the next free one, or as it is kept already.

        Raises what `put` raises.
        """
        kept = self._versions().get(template.name, {})
        if kept:
            newest = max(kept)
            as_newest = msgspec.structs.replace(template, version=newest)
            same = _same(read_file(kept[newest]), written(as_newest))
            template = as_newest if same else msgspec.structs.replace(template, version=newest + 1)
        self.put(template)
        return template

    def _versions(self) -> dict[str, dict[int, Path]]:
        """Files by name and version."""
        found: dict[str, dict[int, Path]] = {}
        try:
            files = sorted(self._folder.iterdir())
        except OSError:
            return found
        for file in files:
            if named := _FILE.fullmatch(file.name):
                found.setdefault(named["name"], {})[int(named["version"])] = file
        return found


def check_file(path: Path) -> list[Problem]:
    """All that is wrong with a template file. Raises Refusal labels.file_unreadable."""
    return problems(read_file(path), standards.standard)


def own_template(text: bytes) -> Template | CustomArea:
    """A template file as it is written, a custom area not yet put into its standard. Raises labels.template_wrong."""
    read_template(text, standards.standard)
    plain: Any = json.loads(text)
    kind: type[Template] | type[CustomArea] = CustomArea if "base" in plain else Template
    found: Template | CustomArea = msgspec.convert(plain, kind)
    return found


def read_file(path: Path) -> bytes:
    """A file of a few megabytes at most. Raises Refusal labels.file_unreadable."""
    try:
        if path.stat().st_size > _LARGEST:
            raise Refusal("labels.file_unreadable", file=path.name, reason=f"> {_LARGEST // 1_000_000} MB")
        return path.read_bytes()
    except OSError as failed:
        reason = failed.strerror or type(failed).__name__
        raise Refusal("labels.file_unreadable", file=path.name, reason=reason) from failed


def _same(one: bytes, other: bytes) -> bool:
    return bool(json.loads(one) == json.loads(other))


def _entry(template: Template, *, standard: bool, confidence: str) -> Entry:
    t = template
    return Entry(t.name, t.version, t.width, t.height, standard, t.title, confidence)
