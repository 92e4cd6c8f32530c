"""How a call is answered: one envelope with the new and the old fields together, and our refusals in its codes.

`codes.toml` says which code, sub_code and inner number a refusal has; what it leaves out follows from the refusal's
cause. A client of the old kind tests `err_no` or `message`, one of the new kind `code`: each finds its own.
"""

import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from miandan.kernel.errors import Cause, Refusal

OK: Final = 10000
OWN_NUMBERS: Final = 900_000
"""Inner numbers of refusals that the platform's published lists have no number for begin here."""

LONGEST_REPEATED: Final = 300
"""Characters of a field of a refusal; lists of approved addresses are the longest that we write ourselves."""

_BY_CAUSE: Final = {
    Cause.ACCOUNT: (50002, "isv.business-failed"),
    Cause.BALANCE: (50002, "isv.business-failed"),
    Cause.ADDRESS: (40004, "isv.parameter-invalid"),
    Cause.AREA: (50002, "isv.business-failed"),
    Cause.ORDER: (50002, "isv.business-failed"),
    Cause.CARRIER: (50002, "isv.business-failed"),
    Cause.THROTTLED: (60000, "isv.traffic-limited"),
    Cause.DATA: (40004, "isv.parameter-invalid"),
    Cause.POLICY: (80000, "isv.risk-control-failed"),
    Cause.SYSTEM: (20000, "isp.service-error"),
}
_NUMBERED: Final = ("isv.business-failed", "isv.parameter-invalid", "isv.missing-parameter", "isv.risk-control-failed",
                    "isp.service-error")  # fmt: skip
_MESSAGES: Final = {
    10001: "部分失败",
    20000: "系统错误",
    20001: "系统超时",
    30001: "无权限",
    40001: "缺少公共参数",
    40002: "缺少业务参数",
    40003: "公共参数不合法",
    40004: "业务参数不合法",
    50001: "令牌生成失败",
    50002: "业务处理失败",
    60000: "调用过于频繁",
    70000: "接口未开放",
    80000: "风控拦截",
    90000: "未知错误",
}

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Code:
    """What a refusal is in this protocol. `number` is the inner code, 0 where the sub_code has none."""

    code: int
    sub_code: str
    number: int

    @property
    def msg(self) -> str:
        return _MESSAGES[self.code]

    @property
    def whole_sub_code(self) -> str:
        return f"{self.sub_code}:{self.number}" if self.number else self.sub_code


def code_of(refusal: Refusal, method: str = "") -> Code:
    """The protocol's code of a refusal; a method may have numbers of its own."""
    known = _codes()
    return known.get((method, refusal.code)) or known.get(("", refusal.code)) or _by_cause(refusal)


def _by_cause(refusal: Refusal) -> Code:
    code, sub_code = _BY_CAUSE[refusal.entry.cause]
    return Code(code, sub_code, own_number(refusal.code) if sub_code in _NUMBERED else 0)


def of_item(refusal: Refusal, method: str) -> tuple[int, str]:
    """Number and words of a failure that rides beside code 10000, in an item of a method's answer."""
    code = code_of(refusal, method)
    return code.number or code.code, words(refusal)


def own_number(refusal_code: str) -> int:
    """An inner number that stays the same for ever, made from our own code (a test finds two that meet)."""
    return OWN_NUMBERS + zlib.crc32(refusal_code.encode()) % 99_999


def words(refusal: Refusal) -> str:
    """What is wrong and what to do, Chinese first. What a caller wrote is repeated shortly."""
    fields = {name: _short(value) for name, value in refusal.fields.items()}
    refusal = Refusal(refusal.code, **fields)
    return f"{refusal.zh}{refusal.next_zh} {refusal.en} {refusal.next_en} [{refusal.code}]"


def _short(value: object) -> object:
    return f"{value[:LONGEST_REPEATED]}…" if isinstance(value, str) and len(value) > LONGEST_REPEATED else value


def done(data: Any, log_id: str, *, old_codes: bool = True) -> bytes:
    """The envelope of a success."""
    answer = {"code": OK, "msg": "success", "sub_code": "", "sub_msg": "", "log_id": log_id, "data": data}
    if old_codes:
        answer |= {"err_no": 0, "message": "success"}
    return _encode(answer)


def refused(
    refusal: Refusal, method: str, log_id: str, *, old_codes: bool = True, data: Mapping[str, Any] | None = None
) -> bytes:
    """The envelope of a refusal."""
    code = code_of(refusal, method)
    text = words(refusal)
    answer: dict[str, Any] = {
        "code": code.code,
        "msg": code.msg,
        "sub_code": code.whole_sub_code,
        "sub_msg": f"{code.number}:{text}" if code.number else text,
        "log_id": log_id,
        "data": data,
    }
    if old_codes:
        answer |= {"err_no": code.code, "message": text}
    return _encode(answer)


@cache
def _codes() -> Mapping[tuple[str, str], Code]:
    text = resources.files("miandan.dialects.doudian").joinpath("codes.toml").read_text(encoding="utf-8")
    return {
        (row.get("method", ""), refusal): Code(row["code"], row["sub_code"], row.get("number", _number(row, refusal)))
        for row in tomllib.loads(text)["code"]
        for refusal in row["refusals"]
    }


def _number(row: Mapping[str, Any], refusal: str) -> int:
    return own_number(refusal) if row["sub_code"] in _NUMBERED else 0
