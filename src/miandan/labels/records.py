"""Label data from JSON: an array of records or one record a line becomes `LabelData`, masked as the purpose says.

A record that is wrong is answered with what is wrong and where; the others go on. What a person is called or where
they live is never part of such an answer.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, BinaryIO

import msgspec

from miandan.kernel.errors import Refusal
from miandan.kernel.masks import hide_person, mask_detail, mask_name, mask_phone
from miandan.labels.checking import worded
from miandan.labels.model import GoodsLine, LabelData, Purpose

_COUNTED = frozenset({"sheet", "sheets"})  # by the engine
_FIELDS = tuple(field.name for field in fields(LabelData) if field.name not in _COUNTED)
_GOODS = tuple(field.name for field in fields(GoodsLine) if field.name != "index")
_MASKS: dict[str, Callable[[str], str]] = {
    "recipient_name": mask_name,
    "recipient_phone": mask_phone,
    "sender_name": mask_name,
    "sender_phone": mask_phone,
    "sender_address": mask_detail,
}
_SPACE = b" \t\r\n"
_LONGEST_GOODS = 60  # characters of the goods in one text


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that gives no label; `place` counts from 1."""

    place: int
    refusal: Refusal


def read_records(source: BinaryIO, purpose: Purpose = Purpose.LABEL) -> Iterator[LabelData | BadRecord]:
    """Each record of a stream, in one pass: a JSON array, a single object, or JSON lines (UTF-8).

    An array is held in memory as it is written, lines are not. Raises Refusal labels.records_unreadable when the
    whole is neither.
    """
    first = _first_line(source)
    if not first:
        return
    if first.lstrip(_SPACE).startswith(b"["):
        yield from _of_array(first + source.read(), purpose)
        return
    if _is_whole(first):
        lines: Iterable[bytes] = _chain(first, source)
    else:  # an object over several lines
        lines = [first + source.read()]
    for place, line in enumerate((line for line in lines if line.strip(_SPACE)), 1):
        yield _read(line, place, purpose)


def _first_line(source: BinaryIO) -> bytes:
    for line in source:
        text = line.removeprefix(b"\xef\xbb\xbf")
        if text.strip(_SPACE):
            return text
    return b""


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _is_whole(line: bytes) -> bool:
    """Whether the line is a value by itself; a broken one is told of as a line too, unless it only opens."""
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as wrong:
        return "truncated" not in str(wrong)
    return True


def _of_array(text: bytes, purpose: Purpose) -> Iterator[LabelData | BadRecord]:
    try:
        rows = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refusal("labels.records_unreadable", reason=_malformed(wrong)) from None
    for place, row in enumerate(rows, 1):
        found = _read(bytes(row), place, purpose)
        if isinstance(found, LabelData) and not found.position:
            found = replace(found, position=f"{place}/{len(rows)}")
        yield found


def _malformed(wrong: Exception) -> str:
    """Where the text stops being JSON, without the text."""
    found = re.search(r"\(byte (\d+)\)", str(wrong))
    return f"byte {found[1]}" if found else "no valid JSON"


def _read(text: bytes, place: int, purpose: Purpose) -> LabelData | BadRecord:
    try:
        plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        at = _malformed(wrong)
        return _bad(place, "$", f"不是有效的 JSON（{at}）", f"no valid JSON ({at})")
    return label_of(plain, place, purpose)


def label_of(plain: Any, place: int = 1, purpose: Purpose = Purpose.LABEL) -> LabelData | BadRecord:
    """The label that a decoded record describes. What is missing is empty; the bars say the number unless told
    otherwise; persons are masked unless the purpose is to print them in full."""
    if not isinstance(plain, dict):
        return _bad(place, "$", "应为一个对象 {…}", "expected an object {...}")
    for where, given, known in _named(plain):
        for name in given:
            if name not in known:
                near = get_close_matches(str(name), known, 3, 0.5) or list(known)
                return _bad(
                    place,
                    where,
                    f"没有名为 {_shown(name)} 的数据项；可用的有 {'、'.join(near)}",
                    f"there is no field {_shown(name)}; there are {', '.join(near)}",
                )
    try:
        label = msgspec.convert(_flat(plain), LabelData)
    except msgspec.ValidationError as wrong:
        return _bad(place, *worded(wrong))
    if not label.number:
        return _bad(place, "$.number", "缺少运单号", "the waybill number is missing")
    return _masked(_completed(label, plain), purpose)


def _named(plain: dict[str, Any]) -> Iterator[tuple[str, Iterable[Any], tuple[str, ...]]]:
    """Each object of the record with its place and the names that it may have."""
    yield "$", plain, _FIELDS
    lines = plain.get("goods_lines")
    for index, line in enumerate(lines if isinstance(lines, list) else []):
        if isinstance(line, dict):
            yield f"$.goods_lines[{index}]", line, _GOODS


def _shown(name: object) -> str:
    """A name as far as it may be told: somebody may have put a person where a field's name belongs."""
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,40}", text) else "?"


def _flat(plain: dict[str, Any]) -> dict[str, Any]:
    """The merchant's own texts by dotted path, everything else as it is."""
    custom = plain.get("custom")
    if not isinstance(custom, dict):
        return plain
    return plain | {"custom": dict(_leaves(custom, ""))}


def _leaves(branch: dict[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in branch.items():
        match value:
            case dict():
                yield from _leaves(value, f"{before}{name}.")
            case bool():
                yield f"{before}{name}", "1" if value else ""
            case None:
                yield f"{before}{name}", ""
            case list():
                yield f"{before}{name}", "，".join(str(one) for one in value)
            case _:
                yield f"{before}{name}", str(value)


def _completed(label: LabelData, plain: dict[str, Any]) -> LabelData:
    lines = tuple(replace(line, index=index) for index, line in enumerate(label.goods_lines, 1))
    return replace(
        label,
        barcode_text=label.barcode_text if "barcode_text" in plain else label.number,
        goods_lines=lines,
        goods_count=label.goods_count or sum(line.quantity for line in lines),
        goods=label.goods or _summary(lines),
        position=label.position or (f"{label.piece}/{label.pieces}" if label.pieces > 1 else ""),
    )


def _summary(lines: tuple[GoodsLine, ...]) -> str:
    whole = "；".join(f"{line.title} {line.spec}".strip() + f" x{line.quantity}" for line in lines)
    if len(whole) <= _LONGEST_GOODS:
        return whole
    tail = f"…等 {sum(line.quantity for line in lines)} 件"
    return whole[: _LONGEST_GOODS - len(tail)].rstrip("；") + tail


def _masked(label: LabelData, purpose: Purpose) -> LabelData:
    if purpose is Purpose.PRINT_FULL:
        return label

    def without_recipient(text: str) -> str:
        return hide_person(text, label.recipient_name, label.recipient_phone)

    changes: dict[str, Any] = {name: mask(getattr(label, name)) for name, mask in _MASKS.items()}
    changes |= {name: without_recipient(getattr(label, name)) for name in ("remark", "goods")}
    changes["recipient_address"] = mask_detail(without_recipient(label.recipient_address))
    changes["custom"] = {name: without_recipient(text) for name, text in label.custom.items()}
    return replace(label, **changes)


def _bad(place: int, where: str, zh: str, en: str) -> BadRecord:
    return BadRecord(place, Refusal("labels.record_wrong", record=place, where=where, wrong_zh=zh, wrong_en=en))
