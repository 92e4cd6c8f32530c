"""Label data from JSON: an array of records or one record a line becomes `LabelData`, masked as the purpose says.

A record that is wrong is answered with what is wrong and where; the others go on. What a person is called or where
they live is never part of such an answer.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import chain
from typing import Any, BinaryIO

import msgspec

from miandan.kernel.errors import Refusal
from miandan.kernel.masks import hide_person, mask_detail, mask_name, mask_phone
from miandan.labels.model import GoodsLine, LabelData, Purpose
from miandan.labels.wording import worded

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
_TEXTS = ("remark", "goods", "shop", "product", "site")
"""Texts in which somebody may have written a person."""

_LEAST = {"cod_fen": 0, "insured_fen": 0, "weight_g": 0, "piece": 1, "pieces": 1, "copy": 1, "goods_count": 0}
"""What each number is at least."""

_EMPTY: dict[str, Any] = {name: one for name, one in msgspec.to_builtins(LabelData("")).items() if name in _FIELDS}
"""What each field of a record says when it says nothing."""

_LARGEST_COUNT = 10**12
_LEAST_ADDRESS = 8  # characters of an address that is looked for in other texts
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SPACE = b" \t\r\n"
_LONGEST_LINE = 1 << 30  # bytes; a large array may stand on one line
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
    stream = _lines(source)
    first = _first_line(stream)
    if not first:
        return
    if first.lstrip(_SPACE).startswith(b"["):
        yield from _of_array(first + source.read(), purpose)
        return
    lines: Iterable[bytes] = chain([first], stream)
    if not _is_json(first):
        rest = source.read()
        whole = first + rest
        lines = [whole] if _is_json(whole) else whole.splitlines()  # an object over several lines, or a broken line
    for place, line in enumerate((line for line in lines if line.strip(_SPACE)), 1):
        yield _read(line, place, purpose)


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; one that does not end, as of a device, is refused."""
    while line := source.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise Refusal("labels.records_unreadable", reason=f"> {_LONGEST_LINE >> 30} GB")
        yield line


def _first_line(lines: Iterator[bytes]) -> bytes:
    for line in lines:
        text = line.removeprefix(b"\xef\xbb\xbf")
        if text.strip(_SPACE):
            return text
    return b""


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except _BROKEN:
        return False
    return True


def _of_array(text: bytes, purpose: Purpose) -> Iterator[LabelData | BadRecord]:
    try:
        rows = msgspec.json.decode(text, type=list[msgspec.Raw])
    except _BROKEN as wrong:
        raise Refusal("labels.records_unreadable", reason=_malformed(wrong)) from None
    for place, row in enumerate(rows, 1):
        found = _read(bytes(row), place, purpose)
        if isinstance(found, LabelData) and not found.position:
            found = replace(found, position=f"{place}/{len(rows)}")
        yield found


def _malformed(wrong: Exception) -> str:
    """Where the text stops being JSON, or how it is written otherwise; never the text itself."""
    if isinstance(wrong, UnicodeDecodeError):
        return "不是 UTF-8 编码 not in UTF-8"
    if isinstance(wrong, RecursionError):
        return "嵌套过深 nested too deeply"
    found = re.search(r"\(byte (\d+)\)", str(wrong))
    return f"byte {found[1]}" if found else "不完整 not complete"


def _read(text: bytes, place: int, purpose: Purpose) -> LabelData | BadRecord:
    try:
        plain = msgspec.json.decode(text)
    except _BROKEN as wrong:
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
    except RecursionError:
        return _bad(place, "$.custom", "嵌套过深", "is nested too deeply")
    if not label.number.strip():
        return _bad(place, "$.number", "缺少运单号", "the waybill number is missing")
    for where, least, value in _counts(label):
        if not least <= value <= _LARGEST_COUNT:
            return _bad(place, where, f"应为 {least} 到 {_LARGEST_COUNT}", f"must be from {least} to {_LARGEST_COUNT}")
    whole = _completed(label, plain)
    return whole if purpose is Purpose.PRINT_FULL else masked(whole)


def record_of(label: LabelData) -> dict[str, Any]:
    """The record that `label_of` reads as this label again, for the purpose of printing what it says; without what is
    empty. Of a label that lacks a text which stands for its goods lines, the text is added."""
    plain: dict[str, Any] = msgspec.to_builtins(label)
    for line in plain["goods_lines"]:
        del line["index"]
    kept = {name: plain[name] for name in _FIELDS if plain[name] != _EMPTY.get(name)}
    return kept | {"barcode_text": label.barcode_text}


def _counts(label: LabelData) -> Iterator[tuple[str, int, int]]:
    """Each number of a label: where it stands, the least that it may be, and what it is."""
    for name, least in _LEAST.items():
        yield f"$.{name}", least, getattr(label, name)
    for index, line in enumerate(label.goods_lines):
        yield f"$.goods_lines[{index}].quantity", 0, line.quantity


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
                texts = (dict(_leaves({"": one}, "")) for one in value)
                yield f"{before}{name}", "，".join(text for leaf in texts for text in leaf.values() if text)
            case _:
                yield f"{before}{name}", str(value)


def _completed(label: LabelData, plain: dict[str, Any]) -> LabelData:
    lines = tuple(replace(line, index=index) for index, line in enumerate(label.goods_lines, 1))
    return replace(
        label,
        carrier=label.carrier.strip().lower(),
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


def masked(label: LabelData) -> LabelData:
    """The label as its paper may show it (GB/T 41833): persons masked; phones, and the recipient's own name, phone and
    address wherever they stand in another text, made stars. What is masked already stays as it is.

    Number, barcodes, codes and marks of the carrier are left alone. Whoever makes `LabelData` by hand calls this.
    """
    name, phone, address = label.recipient_name.strip(), label.recipient_phone.strip(), label.recipient_address.strip()
    shown = mask_detail(hide_person(address, name, phone))

    def hidden(text: str) -> str:
        if len(address) > _LEAST_ADDRESS and address in text:
            text = text.replace(address, shown)
        return hide_person(text, name, phone)

    changes: dict[str, Any] = {field: mask(getattr(label, field)) for field, mask in _MASKS.items()}
    changes |= {field: hidden(getattr(label, field)) for field in _TEXTS}
    changes["recipient_address"] = shown
    changes["services"] = tuple(map(hidden, label.services))
    changes["goods_lines"] = tuple(
        replace(line, title=hidden(line.title), spec=hidden(line.spec), note=hidden(line.note))
        for line in label.goods_lines
    )
    changes["custom"] = {key: hidden(text) for key, text in label.custom.items()}
    return replace(label, **changes)


def _bad(place: int, where: str, zh: str, en: str) -> BadRecord:
    return BadRecord(place, Refusal("labels.record_wrong", record=place, where=where, wrong_zh=zh, wrong_en=en))
