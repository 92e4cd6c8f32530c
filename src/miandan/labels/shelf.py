"""The templates that are at hand: the platform's standard ones, and the merchant's own in a folder, every version kept.

A file of the folder is named for its template and version (`shop-a.v3.json`), is written whole or not at all, and is
never changed: a new version is a new file, also where several programs keep templates at once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import msgspec

from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import Problem, problems, read_own, read_template
from miandan.labels.model import Purpose
from miandan.labels.template import CustomArea, Template, written
from miandan.labels.whole_file import called, created_whole, made_folder, reason_of

_FILE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)\.v(?P<version>[1-9]\d{0,8})\.json")
_LARGEST = 4_000_000  # bytes of a template file; pictures included
_MOST_NEAR = 12  # names that answer one that is not there
_MOST_TRIES = 100  # to be the first with a version, while others keep theirs


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
    full_only: bool = False  # it shows more of a person than a masked label may


class Kept(NamedTuple):
    """A template as it lies on the shelf, and whether it was put there just now."""

    template: Template | CustomArea
    path: Path
    new: bool


class Shelf:
    """Standard templates and those of one folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> Iterator[Entry]:
        """All templates by name, the newest version of each; without those that `damaged` names."""
        for name in standards.standard_names():
            template = standards.standard(name)
            if template is not None:
                confidence = template.paper.confidence if template.paper else ""
                yield _entry(template, standard=True, confidence=confidence)
        for name in sorted(self._versions()):
            try:
                template = self.find(name, Purpose.PRINT_FULL)
            except Refusal:
                continue
            yield _entry(template, standard=False, full_only=is_full_only(template))

    def damaged(self) -> Iterator[str]:
        """Names of the merchant's own templates whose newest version cannot be used; `find` says why."""
        for name in sorted(self._versions()):
            try:
                self.find(name, Purpose.PRINT_FULL)
            except Refusal:
                yield name

    def find(self, wanted: str, purpose: Purpose = Purpose.LABEL) -> Template:
        """The template called `wanted`: a name, a name with a version (`shop-a@3`), or the path of a file.

        Raises Refusal labels.template_unknown, labels.file_unreadable, and labels.template_wrong, also for one that
        shows more of a person than `purpose` allows.
        """
        found = self._found(wanted)
        return found if isinstance(found, Template) else read_template(found, standards.standard, purpose)

    def as_written(self, wanted: str) -> Template | CustomArea:
        """Like `find` for any purpose, a custom area not put into its standard template."""
        found = self._found(wanted)
        return found if isinstance(found, Template) else own_template(found)

    def _found(self, wanted: str) -> Template | bytes:
        """A standard template, or the text of a file."""
        name, _, version = wanted.partition("@")
        standard = standards.standard(name)
        if standard is not None and version in ("", str(standard.version)):
            return standard
        versions = {} if standard is not None else self._versions().get(name, {})
        by_text = {str(number): path for number, path in versions.items()}
        if path := by_text.get(version or str(max(versions, default=0))):
            return read_file(path)
        if standard is None and _is_path(wanted):
            return read_file(Path(wanted))
        raise Refusal("labels.template_unknown", name=wanted, near="、".join(self._near(wanted, versions)))

    def _near(self, wanted: str, versions: dict[int, Path]) -> list[str]:
        """What there is instead: the versions of a template whose name is right, newest first, or names."""
        name, _, _ = wanted.partition("@")
        if versions:
            return [f"{name}@{number}" for number in sorted(versions, reverse=True)][:_MOST_NEAR]
        if standards.standard(name) is not None:
            return [name]
        known = [*standards.standard_names(), *self._versions()]
        return (get_close_matches(wanted[:100], known, 6, 0.4) or known)[:_MOST_NEAR]

    def put(self, template: Template | CustomArea) -> Kept:
        """Keep a template that may be used for some purpose. The same content again changes nothing.

        Raises Refusal labels.template_locked for the name of a standard template, labels.template_version when the
        version is there with other content, labels.template_wrong, labels.folder_denied and those of writing a file.
        """
        if standards.standard(template.name) is not None:
            raise Refusal("labels.template_locked", name=template.name)
        content = written(template)
        own_template(content)
        made_folder(self._folder)
        path = self._folder / f"{template.name}.v{template.version}.json"
        if created_whole(path, content):
            return Kept(template, path, new=True)
        if _same(read_file(path), content):
            return Kept(template, path, new=False)
        newest = max(self._versions().get(template.name, {}), default=template.version)
        raise Refusal("labels.template_version", name=template.name, version=template.version, newest=newest)

    def put_next(self, template: Template | CustomArea) -> Kept:
        """Keep a template that knows no versions of its own under the next free one, or as it is kept already.

        Raises what `put` raises.
        """
        for _ in range(_MOST_TRIES):
            kept = self._versions().get(template.name, {})
            if kept:
                newest = max(kept)
                as_newest = msgspec.structs.replace(template, version=newest)
                if _same(read_file(kept[newest]), written(as_newest)):
                    return Kept(as_newest, kept[newest], new=False)
                template = msgspec.structs.replace(template, version=newest + 1)
            try:
                return self.put(template)
            except Refusal as refusal:
                if refusal.code != "labels.template_version":
                    raise
                beaten = refusal  # by another program that kept this version a moment ago
        raise beaten

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


def check_text(text: bytes, purpose: Purpose = Purpose.LABEL) -> list[Problem]:
    """All that is wrong with a template file for a purpose."""
    return problems(text, standards.standard, purpose)


def own_template(text: bytes) -> Template | CustomArea:
    """A template file as it is written, a custom area not yet put into its standard. Raises labels.template_wrong."""
    return read_own(text, standards.standard, Purpose.PRINT_FULL)


def is_full_only(template: Template | CustomArea) -> bool:
    """Whether a template that can be used shows more of a person than a masked label may."""
    return bool(check_text(written(template)))


def read_file(path: Path) -> bytes:
    """A file of a few megabytes at most; of a device without end no more is read. Raises labels.file_unreadable."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as failed:
        raise Refusal("labels.file_unreadable", file=called(path), reason=reason_of(failed)) from failed
    if len(data) > _LARGEST:
        raise Refusal(
            "labels.file_unreadable", file=called(path), reason=f"大于 larger than {_LARGEST // 1_000_000} MB"
        )
    return data


def _is_path(wanted: str) -> bool:
    """Whether a file is meant: one that is there, or what only a file can be called."""
    path = Path(wanted)
    try:
        return path.suffix == ".json" or len(path.parts) > 1 or path.is_file()
    except OSError:  # longer than a name can be
        return False


def _same(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):  # what is kept was damaged from outside
        return False


def _entry(t: Template, *, standard: bool, confidence: str = "", full_only: bool = False) -> Entry:
    return Entry(t.name, t.version, t.width, t.height, standard, t.title, confidence, full_only)
