"""trackPush: a carrier's traces as scans of ours. What is wrong with one of them never loses the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from miandan.dialects.doudian.moments import read_moment
from miandan.dialects.doudian.reading import NAMESPACE, carrier_named
from miandan.kernel.errors import Refusal
from miandan.tracking.model import Pushed, Scan
from miandan.tracking.statuses import action_of

MOST_NAMED: Final = 5
"""Places that an answer names at most."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What a push holds: scans with their places in the call, and the places that could not be read."""

    scans: tuple[Scan, ...]
    places: tuple[str, ...]
    unread: tuple[tuple[str, Refusal], ...]


def read_traces(carrier: str, messages: Sequence[Mapping[str, Any]]) -> Traces:
    """Every trace of every message; one whose time cannot be read is set aside."""
    scans, places, unread = [], [], []
    for outer, message in enumerate(messages):
        for inner, trace in enumerate(message["traces"]):
            place = f"trace_msgs[{outer}].traces[{inner}]"
            try:
                scans.append(_scan(carrier, message["track_no"], trace, place))
                places.append(place)
            except Refusal as refusal:
                unread.append((place, refusal))
    return Traces(tuple(scans), tuple(places), tuple(unread))


def refuse_if_something_was_lost(traces: Traces, pushed: Pushed) -> None:
    """After the commit. Raises doudian.partly_kept where some were kept, else the first one's own refusal.

    A carrier that repeats the push does no harm, and what was named stays refused.
    """
    lost = [*traces.unread, *((traces.places[one.place], one.refusal) for one in pushed.refused)]
    if not lost:
        return
    kept = pushed.accepted + pushed.repeated
    if not kept:
        raise lost[0][1]
    named = ", ".join(f"{place} {refusal.code}" for place, refusal in lost[:MOST_NAMED])
    raise Refusal("doudian.partly_kept", kept=kept, lost=len(lost), named=named)


def _scan(carrier: str, number: str, trace: Mapping[str, Any], place: str) -> Scan:
    """`new_address`, `new_receiver` and `pick_code` are left where they are: nobody needs them to show a route."""
    here, there = trace.get("current_address", {}), trace.get("next_address", {})
    code, sub_code, text = trace["trace_type"], trace["trace_sub_type"], trace["content"]
    return Scan(
        carrier,
        number,
        action_of(NAMESPACE, code, sub_code, text),
        _moment(trace.get("op_time"), f"{place}.op_time"),
        text=text,
        site_code=trace.get("site_code", ""),
        site_name=trace.get("site_name") or trace.get("station_name") or trace.get("cabinet_name", ""),
        city=trace.get("city") or here.get("city", ""),
        division_code=here.get("town_code") or here.get("city_code", ""),
        next_site=trace.get("next_site_code") or there.get("city", ""),
        signer=trace.get("signer_name", ""),
        courier=trace.get("operator_name", ""),
        courier_phone=trace.get("operator_phone", ""),
        new_carrier=_carrier(trace.get("new_company", "")),
        new_number=trace.get("new_track_no", ""),
        namespace=NAMESPACE,
        raw_code=code,
        raw_sub_code=sub_code,
    )


def _moment(said: Any, field: str) -> datetime:
    """Raises doudian.field_type, also for a time that is not there or is neither text nor a number."""
    is_said = isinstance(said, str | int | float) and not isinstance(said, bool)
    return read_moment(f"{said:.0f}" if isinstance(said, float) else str(said) if is_said else "", field)


def _carrier(said: str) -> str:
    """Our code of the carrier that goes on; what it is called there where we do not know it."""
    try:
        return carrier_named(said).code if said else ""
    except Refusal:
        return said
