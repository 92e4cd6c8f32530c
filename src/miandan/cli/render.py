"""`miandan render`: labels of given data in any format, progress, what to look at, an exit code for scripts."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from miandan.cli.session import NOTHING_DONE, SOME_REFUSED, complain, say
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

if TYPE_CHECKING:
    from miandan.labels.model import LabelData, RenderReport
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
    from miandan.labels.records import read_records
    from miandan.labels.rendering import render as work

    started = time.perf_counter()
    job = _job(wish)
    out = wish.out or Path(f"labels.{'pbm' if wish.to == 'raster' else wish.to}")
    good = _Good()
    with _source(data) as source:
        target = sys.stdout.buffer if str(out) == STREAM else out
        try:
            report = work(good.labels(read_records(source, job.purpose)), job, target)
        except Refusal as refusal:
            good.tell()
            complain(refusal)
            return NOTHING_DONE
    if target is not out:
        sys.stdout.buffer.flush()
    good.tell()
    for line in _summary(report, str(out), good.refused, time.perf_counter() - started):
        say(line)
    return SOME_REFUSED if good.refused else 0


def profile_folder() -> Path:
    """Where this installation keeps printers of its own and what was read off their calibration sheets."""
    return Settings.from_environment().data / PRINTERS


def _job(wish: Wish) -> "Job":
    """Raises labels.format_unknown, labels.purpose_unknown, labels.dpi_unknown, labels.profile_differs."""
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
    to, profile = Format(wish.to), None
    if to.language is not None:
        name = wish.profile or USUAL[to].replace("203", str(wish.dpi or DEFAULT_DPI))
        profile = profiles.profile(name, profile_folder())
        if profile.language != to.language or wish.dpi not in (None, profile.dpi):
            raise Refusal("labels.profile_differs", profile=name, language=profile.language, dpi=profile.dpi)
    choice = shelf().find(wish.template) if wish.template else None
    dpi = profile.dpi if profile else wish.dpi or DEFAULT_DPI
    return Job(to, choice, dpi, profile, Purpose(wish.purpose))


def _source(data: Path) -> AbstractContextManager[BinaryIO]:
    if str(data) == STREAM:
        return nullcontext(sys.stdin.buffer)
    try:
        return data.open("rb")
    except OSError as failed:
        reason = failed.strerror or type(failed).__name__
        raise Refusal("labels.file_unreadable", file=data.name, reason=reason) from failed


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
    counts = Counter((warning.kind, warning.detail) for warning in report.warnings)
    for (kind, field), count in counts.most_common(_MOST_TOLD):
        first = next(w for w in report.warnings if (w.kind, w.detail) == (kind, field))
        yield f"  注意 note: {kind}  {field}  {count:,} 张 sheets（{first.number} …）"
    if counts:
        yield "  含义见 what they mean: docs/labels.md"
