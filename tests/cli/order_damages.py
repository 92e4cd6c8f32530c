"""Damages to orders that a marketplace speaks for; see damages.py."""

from tests.cli.damages import Damage

_ORDER = "WHERE state = 'to_ship' AND order_id = 'O2'"


def _told(standing: str, version: int = 5) -> str:
    return f"UPDATE trade_order SET source_version = {version}, standing = '{standing}' {_ORDER}"


ORDER_DAMAGES = (
    Damage("order_stands_as_said", "free to ship while a refund is open",
           _told('{"refund": {"what": "open", "version": 5}}')),
    Damage("order_stands_as_said", "free to ship while the review holds it",
           _told('{"review": {"what": "held", "version": 5}}')),
    Damage("order_stands_as_said", "free to ship though a person holds it", _told('{"hand": "held"}')),
    Damage("order_stands_as_said", "cancelled and free to ship",
           _told('{"hand": null, "ended": {"what": "cancelled", "version": 5}}')),
    Damage("order_versions_counted", "told something of a version that it does not know",
           _told('{"paid": {"what": "paid", "version": 9}, "hand": null}')),
)  # fmt: skip
