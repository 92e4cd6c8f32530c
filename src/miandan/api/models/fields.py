"""Kinds of fields that all models share: text without control characters, whole numbers, times with a zone."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from miandan.api.errors import Problem as Problem

MOST_SAFE: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""

CARRIER_CODE: Final = r"^[a-z0-9_]{2,30}$"
NUMBER: Final = r"^[0-9A-Za-z-]{4,40}$"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_EARLIEST_YEAR, _LATEST_YEAR = 2000, 2999


class Asked(BaseModel):
    """Something that a caller sends."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__


class Answer(BaseModel):
    """Something that is answered."""

    model_config = ConfigDict(frozen=True)


def printable(text: str) -> str:
    """Raises control_character."""
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "control characters")
    return text


def _time_text(given: Any) -> Any:
    if not isinstance(given, str) or not _RFC_3339.fullmatch(given):
        raise PydanticCustomError("time_wrong", "no RFC 3339 time")
    return given.upper()


def _usual_year(at: datetime) -> datetime:
    if at.tzinfo is None or not _EARLIEST_YEAR <= at.year <= _LATEST_YEAR:
        raise PydanticCustomError("time_wrong", "no usual year")
    return at


Id = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
"""An id of the caller's, such as an order's."""

MaybeId = Annotated[str, Field(max_length=64), AfterValidator(printable)]
Word = Annotated[str, Field(max_length=100), AfterValidator(printable)]
Text = Annotated[str, Field(max_length=1000), AfterValidator(printable)]
CarrierCode = Annotated[
    str, Field(pattern=CARRIER_CODE, description="快递公司代码，见 GET /carriers / a code of GET /carriers")
]
Number = Annotated[str, Field(pattern=NUMBER, description="运单号 / a waybill number")]
Version = Annotated[
    int,
    Field(
        strict=True,
        ge=0,
        le=MOST_SAFE,
        description="订单在商城的版本，每次变更都增大，例如更新时间的毫秒数 / "
        "the order's version at the marketplace, growing with every change, such as its update time in milliseconds",
    ),
]
Fen = Annotated[int, Field(strict=True, ge=0, le=10**12, description="分 / fen")]
Flag = Annotated[bool, Field(strict=True)]


def moment_of(given: object) -> datetime | None:
    """A time as `Time` reads it; None where it cannot be read, so that one wrong item loses no other."""
    try:
        return _MOMENT.validate_python(given)
    except ValidationError:
        return None


Time = Annotated[
    datetime,
    BeforeValidator(_time_text, json_schema_input_type=datetime),
    AfterValidator(_usual_year),
]
_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Time)
