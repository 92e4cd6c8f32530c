"""`miandan render`: labels of given data in any format, progress, what to look at, an exit code for scripts."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from miandan.cli.session import NOTHING_DONE, SOME_REFUSED, complain, say, shown
from miandan.cli.streams import INPUT, standard_input, standard_output
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

if TYPE_CHECKING:
    from miandan.labels.model import LabelData, LabelWarning, Purpose, RenderReport
    from miandan.labels.records import BadRecord
    from miandan.labels.rendering import Job

STREAM = "-"
PRINTERS = "printers"
_MOST_TOLD = 20  # refusals and kinds of warnings in full; the rest is counted
_PROGRESS_EVERY = 5_000  # sheets
_RESOLUTIONS = (203, 300)
USUAL = {"zpl": "zpl-203", "tspl": "tspl-203", "cpcl": "cpcl-203", "escpos": "escpos-203"}
"""The profile for a language where none is named, at 203 dpi."""


class Wish(NamedTuple):
    """What was typed."""

    to: str
    template: str | None
    out: Path | None
    dpi: int | None
    profile: str | None
    purpose: str


def render(data: Path, wish: Wish) -> int:
    """Exit code 0 when every record is a label, 2 when some are not, 1 when none is."""
    from miandan.labels.rendering import render as work

    started = time.perf_counter()
    job = _job(wish)
    out = wish.out or Path(f"labels.{'pbm' if wish.to == 'raster' else wish.to}")
    good = _Good()
    with _source(data) as source, _target(out) as target:
        try:
            report = work(good.labels(_records(source, data, job.purpose)), job, target)
        except Refusal as refusal:
            good.tell()
            complain(_of_the_data(refusal, data, good.refused))
            return NOTHING_DONE
    good.tell()
    for line in _summary(report, str(out), good.refused, time.perf_counter() - started):
        say(line)
    return SOME_REFUSED if good.refused else 0


def profile_folder() -> Path:
    """Where this installation keeps printers of its own and what was read off their calibration sheets."""
    return Settings.from_environment().data / PRINTERS


def _job(wish: Wish) -> "Job":
    """Raises labels.format_unknown, labels.purpose_unknown, labels.dpi_unknown, labels.profile_differs, and those of
    finding a profile and a template."""
    from miandan.cli.templates import shelf
    from miandan.labels.model import Purpose
    from miandan.labels.printers import profiles
    from miandan.labels.rendering import DEFAULT_DPI, Format, Job

    if wish.to not in list(Format):
        raise Refusal("labels.format_unknown", format=wish.to, known=", ".join(Format))
    if wish.purpose not in list(Purpose):
        raise Refusal("labels.purpose_unknown", purpose=wish.purpose, known=", ".join(Purpose))
    if wish.dpi is not None and wish.dpi not in _RESOLUTIONS:
        raise Refusal("labels.dpi_unknown", dpi=wish.dpi)
    to, profile, purpose = Format(wish.to), None, Purpose(wish.purpose)
    name = wish.profile
    if name is None and to.language is not None:
        name = USUAL[to].replace("203", str(wish.dpi or DEFAULT_DPI))
    if name is not None:
        profile = profiles.profile(name, profile_folder())
        if to.language not in (None, profile.language) or wish.dpi not in (None, profile.dpi):
            raise Refusal("labels.profile_differs", profile=name, language=profile.language, dpi=profile.dpi)
    choice = shelf().find(wish.template, purpose) if wish.template else None
    return Job(to, choice, wish.dpi or DEFAULT_DPI, profile, purpose)


def _source(data: Path) -> AbstractContextManager[BinaryIO]:
    if str(data) == STREAM:
        return nullcontext(standard_input())
    try:
        return data.open("rb")
    except OSError as failed:
        raise _unreadable(data, failed) from failed


def _target(out: Path) -> AbstractContextManager[Path | BinaryIO]:
    return standard_output() if str(out) == STREAM else nullcontext(out)


def _records(source: BinaryIO, data: Path, purpose: "Purpose") -> "Iterator[LabelData | BadRecord]":
    """Raises labels.file_unreadable when reading breaks off."""
    from miandan.labels.records import read_records

    try:
        yield from read_records(source, purpose)
    except OSError as failed:
        raise _unreadable(data, failed) from failed


def _unreadable(data: Path, failed: OSError) -> Refusal:
    from miandan.labels.whole_file import reason_of

    return Refusal("labels.file_unreadable", file=_called(data), reason=reason_of(failed))


def _called(data: Path) -> str:
    from miandan.labels.whole_file import called

    return INPUT if str(data) == STREAM else called(data)


def _of_the_data(refusal: Refusal, data: Path, refused: int) -> Refusal:
    """Whoever brings data has no numbers to take: what is missing is missing in the data."""
    if refusal.code != "labels.nothing_to_print":
        return refusal
    return Refusal("labels.no_records", file=_called(data), refused=refused)


class _Good:
    """Lets labels through, keeps what to say of the records that are none, and shows that work goes on."""

    def __init__(self) -> None:
        self.refused = 0
        self._told: list[Refusal] = []

    def labels(self, found: "Iterable[LabelData | BadRecord]") -> "Iterator[LabelData]":
        from miandan.labels.records import BadRecord

        for count, one in enumerate(found, 1):
            if isinstance(one, BadRecord):
                self.refused += 1
                if len(self._told) < _MOST_TOLD:
                    self._told.append(one.refusal)
            else:
                yield one
            if count % _PROGRESS_EVERY == 0:
                say(f"生成面单 making labels  {count:,} ...")

    def tell(self) -> None:
        for refusal in self._told:
            complain(refusal)
        if more := self.refused - len(self._told):
            say(f"✗ 另有 {more:,} 条有误。/ {more:,} more are wrong.")


def _summary(report: "RenderReport", out: str, refused: int, seconds: float) -> Iterator[str]:
    mark = "!" if refused else "✓"
    wrong = f"，{refused:,} 条有误 wrong" if refused else ""
    yield f"{mark} {report.pages:,} 张面单 labels{wrong} → {out}  {seconds:.1f} 秒 s"
    first: dict[tuple[str, str], LabelWarning] = {}
    sheets: dict[tuple[str, str], set[int]] = {}
    for warning in report.warnings:
        kind = warning.kind.value, warning.detail
        first.setdefault(kind, warning)
        sheets.setdefault(kind, set()).add(warning.page)
    kinds = sorted(sheets, key=lambda kind: -len(sheets[kind]))
    for kind in kinds[:_MOST_TOLD]:
        which = f"{kind[0]}  {shown(kind[1])}"
        yield f"  注意 note: {which}  {len(sheets[kind]):,} 张 sheets（{shown(first[kind].number)} …）"
    if (more := len(kinds) - _MOST_TOLD) > 0:
        yield f"  另有 {more:,} 种提示。/ {more:,} more kinds of notes."
    if kinds:
        yield "  含义见 what they mean: docs/labels.md"
