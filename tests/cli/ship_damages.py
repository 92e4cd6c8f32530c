"""Damages to ship statements; see damages.py."""

from tests.cli.damages import Damage, copied

_HAND = "NOT taken_here AND withdrawn_at IS NULL"

SHIP_DAMAGES = (
    Damage("shipped_by_statement", "a waybill shipped by nobody", "UPDATE waybill SET shipped_at = now()"),
    Damage("shipped_by_statement", "a statement that its waybill does not know",
           "UPDATE waybill SET shipped_at = NULL WHERE shipped_at IS NOT NULL"),
    Damage("shipped_by_statement", "a withdrawn statement that left its waybill shipped",
           "UPDATE shipment SET withdrawn_at = now() WHERE taken_here"),
    Damage("shipped_within_order", "more out than was ordered",
           copied("shipment", _HAND, shipment_id="gen_random_uuid()", pack_id="'ANOTHERPACK'")),
    Damage("shipped_within_order", "a line of nothing",
           "UPDATE shipment SET lines = jsonb_set(lines, '{0,quantity}', '0')"),
    Damage("shipped_pieces_counted", "pieces that nobody stated", "UPDATE trade_order SET shipped_pieces = 7"),
    Damage("shipped_pieces_counted", "stated and not counted",
           "UPDATE trade_order SET shipped_pieces = 0 WHERE shipped_pieces > 0"),
    Damage("shipped_pieces_counted", "a statement that counts otherwise than its lines",
           "UPDATE shipment SET pieces = pieces + 1; UPDATE trade_order SET shipped_pieces = shipped_pieces + 1 "
           "WHERE shipped_pieces > 0"),
    Damage("pack_has_one_number", "two numbers on one pack",
           copied("shipment", "withdrawn_at IS NULL", shipment_id="gen_random_uuid()", order_id="'another'",
                   number="'YT9000000099999'")),
    Damage("stated_number_known", "a typed-in number that the directory lacks",
           "DELETE FROM number_directory WHERE source = 'hand'"),
    Damage("stated_number_known", "said to be taken here and was not",
           "UPDATE shipment SET taken_here = true WHERE NOT taken_here"),
    Damage("ship_answer_has_packs", "a kept answer about a pack that is not there",
           "UPDATE ship_answer SET pack_ids = '[\"NOWHERE\"]'"),
)  # fmt: skip
