"""Print data of other platforms that is not encrypted becomes a label, by the table of paths that templates are read
with (`labels/importers/cainiao_paths.toml`)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from miandan.agent.components.profiles import carrier_of
from miandan.kernel.errors import Refusal
from miandan.labels.importers.cainiao_paths import CUSTOM, goods_field, is_goods, ours_of
from miandan.labels.model import LabelData, Purpose
from miandan.labels.records import BadRecord, label_of

_CARRIER: Final = ("cpcode", "wpcode", "logisticscode", "carriercode")
_DEEPEST: Final = 8
_PIECES: Final = ("province", "city", "district", "town", "street", "detail")
_NUMBERS: Final = frozenset({"weight_g", "goods_count", "copy", "piece", "pieces"})
_FEN: Final = 100
_NOT_OURS: Final = frozenset({"signature", "templateURL", "_dataFrom", "needEncrypt", "parent", "cpCode"})


def plain_object(data: Any) -> dict[str, Any]:
    """Plain print data, also where it comes as the text of an object. Raises agent.component_plain_wrong."""
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Refusal("agent.component_plain_wrong", where="data") from None
    if not isinstance(data, dict):
        raise Refusal("agent.component_plain_wrong", where="data")
    inner = data.get("data")
    return inner if isinstance(inner, dict) and len(data) <= 3 else data  # the whole print_data, not its part


def label_from(data: Any, purpose: Purpose) -> LabelData:
    """The label that plain print data describes, masked as the purpose says.

    Raises agent.component_plain_wrong where number or recipient cannot be found in it.
    """
    plain = plain_object(data)
    found: dict[str, Any] = {}
    custom: dict[str, str] = {}
    pieces: dict[str, dict[str, str]] = {}
    for path, value in _leaves(plain, "", 0):
        if isinstance(value, list):
            if is_goods(path):
                found["goods_lines"] = [*_goods(value)]
            continue
        meaning = ours_of(path)
        if meaning.part:
            pieces.setdefault(meaning.path, {}).setdefault(_piece(path), str(value))
        elif meaning.known and meaning.path not in ("goods_lines", "custom"):
            found.setdefault(meaning.path, _valued(meaning.path, value, money=meaning.money))
        else:
            custom.setdefault(meaning.path.removeprefix(CUSTOM), str(value))
    for name, parts in pieces.items():
        found.setdefault(name, "".join(parts[one] for one in _PIECES if one in parts))
    found["carrier"] = _carrier(plain)
    found["custom"] = custom
    for needed in ("number", "recipient_address"):
        if not found.get(needed):
            raise Refusal("agent.component_plain_wrong", where=needed)
    label = label_of(found, purpose=purpose)
    if isinstance(label, BadRecord):
        raise Refusal("agent.component_plain_wrong", where=str(label.refusal.fields.get("where", "data")))
    return label


def _leaves(branch: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in branch.items():
        path = f"{before}{name}"
        if name in _NOT_OURS or value is None or value == "":
            continue
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _leaves(value, f"{path}.", depth + 1)
        elif not isinstance(value, bool):
            yield path, value


def _piece(path: str) -> str:
    last = path.rpartition(".")[2].lower()
    return next((piece for piece in _PIECES if last.startswith(piece)), "detail")


def _valued(name: str, value: Any, *, money: bool) -> Any:
    """As our field takes it; what is no number where one belongs is nothing."""
    if name == "order_ids":
        return [str(value)]
    if not money and name not in _NUMBERS:
        return str(value)
    try:
        number = float(value) * (_FEN if money else 1)
        return round(number)
    except (TypeError, ValueError, OverflowError):
        return 0


def _goods(rows: list[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        line: dict[str, Any] = {}
        for name, value in row.items() if isinstance(row, dict) else ():
            field = goods_field(name)
            if field is None or field == "index" or isinstance(value, dict | list) or value is None:
                continue
            line.setdefault(field, _whole(value) if field == "quantity" else str(value))
        if line.get("title"):
            yield line


def _whole(value: Any) -> int:
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 1


def _carrier(plain: Mapping[str, Any]) -> str:
    for name, value in plain.items():
        if name.replace("_", "").lower() in _CARRIER and isinstance(value, str):
            return carrier_of(value)
    return ""
