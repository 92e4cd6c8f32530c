"""Every kind of damage that `miandan check` has to find, as raw SQL on the database of mix.py, and who must find it.

One damage often breaks several promises; named is the one that it is about.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """Statements that plant it, and the promise that has to fail."""

    promise: str
    what: str
    sql: str


def copied(table: str, where: str, **changed: object) -> str:
    """Insert a copy of one row with some columns changed."""
    values = ", ".join(f"'{name}', {value}" for name, value in changed.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({values}))).* "
        f"FROM {table} AS t WHERE {where} LIMIT 1"
    )


_A_WAYBILL = "(merchant_id, carrier, number) = (SELECT merchant_id, carrier, number FROM waybill WHERE {} LIMIT 1)"


def a_waybill(where: str) -> str:
    """A condition that one waybill meets."""
    return _A_WAYBILL.format(where)


ZTO = "merchant_id = 1001 AND carrier = 'zto' AND pieces = 1 AND superseded_by IS NULL AND lease_id <> account_id"

DAMAGES = (
    # numbers
    Damage("number_unique", "another merchant has the number too", copied("waybill", ZTO, merchant_id="1002")),
    Damage("number_unique", "the number again in another month",
           copied("waybill", ZTO, month="(SELECT (max(month) + interval '1 month')::date FROM waybill)")),
    Damage("number_within_rule", "a digit too few",
           f"UPDATE waybill SET number = left(number, -1) WHERE {a_waybill(ZTO)}"),
    Damage("number_within_rule", "another carrier's letters",
           "UPDATE waybill SET number = 'XX' || substr(number, 3) WHERE carrier = 'sf'"),
    Damage("number_within_rule", "a package number where children have their own",
           "UPDATE waybill SET number = parent_number || '-2-3-' WHERE carrier = 'sf' AND piece = 2"),
    Damage("number_within_rule", "a wrong S10 check digit",
           f"UPDATE waybill SET carrier = 'post', number = 'CP473124828CN' WHERE {a_waybill(ZTO)}"),
    Damage("number_within_rule", "a check digit that does not fit",
           "UPDATE waybill SET number = overlay(number PLACING (((substr(number, 11, 1)::integer + 1) % 10)::text) "
           "FROM 11 FOR 1) WHERE carrier = 'ems'"),
    Damage("number_within_rule", "not even shaped like a number",
           "UPDATE waybill SET carrier = 'fengwang', number = 'no number' WHERE carrier = 'zto_intl' AND pieces = 1"),
    Damage("number_from_slice", "a number that its lease never drew",
           f"UPDATE waybill SET number = '70009999999999' WHERE {a_waybill(ZTO)}"),
    Damage("number_from_slice", "the slice is another merchant's",
           "UPDATE pool_slice SET merchant_id = 1002 WHERE carrier = 'zto' AND merchant_id = 1001"),
    Damage("number_from_slice", "the slice is another account's",
           "UPDATE pool_slice SET account_id = gen_random_uuid() WHERE carrier = 'yto'"),
    Damage("number_from_slice", "a number of another kind",
           "UPDATE waybill SET number = '71' || substr(number, 3) WHERE " + a_waybill(ZTO)),
    Damage("number_in_directory", "a live number that the directory lacks",
           "DELETE FROM number_directory WHERE source = 'live' AND carrier = 'sf'"),
    Damage("number_in_directory", "the directory names another merchant",
           "UPDATE number_directory SET merchant_id = 1002 WHERE source = 'list'"),
    Damage("number_in_directory", "a live number whose call was refused",
           "UPDATE live_intent SET state = 'refused' WHERE state = 'known' AND carrier = 'jd'"),
    Damage("number_in_directory", "the number of a lease that is not there",
           f"UPDATE waybill SET lease_id = account_id WHERE {a_waybill(ZTO)}"),
    Damage("directory_has_waybill", "a noted number that nobody got",
           "INSERT INTO number_directory VALUES ('sf', 'SF0000000099999', 1001, '2026-01-01', 'live', NULL, now())"),
    Damage("directory_has_waybill", "a waybill that has vanished",
           "DELETE FROM waybill WHERE carrier = 'jd' AND piece = 2"),
    Damage("list_taken_once", "a taken number marked as free",
           "UPDATE pool_list_number SET taken_at = NULL WHERE taken_at IS NOT NULL"),
    Damage("list_taken_once", "a free number marked as taken",
           "UPDATE pool_list_number SET taken_at = now() WHERE number = (SELECT max(number) FROM pool_list_number)"),
    Damage("list_taken_once", "a listed number noted as a live one",
           "UPDATE number_directory SET source = 'live' WHERE source = 'list'"),
    Damage("pools_apart", "a live number inside a segment",
           "INSERT INTO number_directory VALUES ('zto', '70000000005000', 1001, '2026-01-01', 'hand', NULL, now())"),
    Damage("pools_apart", "a listed number inside a segment",
           "INSERT INTO pool_list_number VALUES ('yto', 'YT0000000005000', '571001', now(), NULL)"),
    Damage("segments_within_rule", "serials that another kind has",
           "UPDATE pool_segment SET kind = 'standard' WHERE carrier = 'zto'"),
    Damage("segments_within_rule", "more digits than the rule has",
           "UPDATE pool_segment SET last = 10000000000 WHERE carrier = 'zto'"),
    Damage("segments_apart", "a segment loaded twice",
           copied("pool_segment", "carrier = 'zto'", segment_id="gen_random_uuid()")),
    Damage("segments_apart", "the ends meet",
           copied("pool_segment", "carrier = 'sto'", segment_id="gen_random_uuid()", first="t.last",
                   last="t.last + 9", next="t.last")),
    Damage("slices_apart", "a slice claimed twice",
           copied("pool_slice", "carrier = 'zto'", first="t.last", last="t.last + 5")),
    Damage("slices_within_segment", "a slice beyond what was handed out",
           "UPDATE pool_segment SET next = next - 1 WHERE carrier = 'zto'"),
    Damage("slices_within_segment", "a slice of another kind",
           "UPDATE pool_slice SET kind = 'standard' WHERE carrier = 'jt'"),
    Damage("segment_handed_out", "serials handed out to nobody",
           "UPDATE pool_segment SET next = next + 1 WHERE carrier = 'zto'"),
    Damage("slice_accounted", "a rest that has vanished", "DELETE FROM slice_rest"),
    Damage("slice_accounted", "a rest that reaches into the next piece", "UPDATE slice_rest SET last = last + 1"),
    Damage("slice_accounted", "a rest of another account",
           "UPDATE slice_rest SET account_id = (SELECT account_id FROM account a WHERE a.carrier = 'ems' "
           "AND a.merchant_id = slice_rest.merchant_id) WHERE account_id = (SELECT account_id FROM account "
           "WHERE carrier = 'yto' AND merchant_id = 1001)"),
    Damage("slice_accounted", "a slice of which nobody knows anything",
           "INSERT INTO pool_slice SELECT carrier, kind, 900000, 900009, segment_id, 1001, account_id, now() "
           "FROM pool_slice WHERE carrier = 'zto' LIMIT 1"),
    Damage("slice_accounted", "a lease of serials that no slice holds",
           "UPDATE lease SET slice_first = slice_first + 7 WHERE slice_first IS NOT NULL"),
    Damage("lease_drawn", "a serial drawn and lost", "DELETE FROM waybill WHERE " + a_waybill(ZTO)),
    Damage("lease_drawn", "a lease set back behind its numbers",
           "UPDATE lease SET next = next - 1 WHERE slice_first IS NOT NULL AND next > first AND carrier = 'zto'"),
    Damage("lease_drawn", "a live call that has vanished with its units",
           "DELETE FROM live_intent WHERE state = 'in_doubt'"),
    Damage("lease_drawn", "a listed number with two units",
           "UPDATE waybill SET units = 2 WHERE carrier = 'zto_intl'"),
    # units
    Damage("units_equation", "a unit out of nothing", "UPDATE account SET available = available + 1"),
    Damage("units_equation", "a waiting number whose unit is gone",
           "UPDATE waybill SET units = 0 WHERE number_state = 'cancelled'"),
    Damage("units_equation", "an open lease cut short", "UPDATE lease SET last = last - 1 WHERE closed_at IS NULL"),
    Damage("units_equation", "a live call without outcome that lost its unit",
           "UPDATE live_intent SET units = 0 WHERE state = 'in_doubt'"),
    Damage("account_ledger", "an entry that has vanished", "DELETE FROM unit_entry WHERE kind = 'lease_return'"),
    Damage("account_ledger", "received without an entry",
           "UPDATE account SET received = received + 5, available = available + 5 WHERE carrier = 'zto'"),
    Damage("account_ledger", "a wrong running total", "UPDATE account SET recycled = recycled + 1"),
    Damage("account_ledger", "a monthly account that was recharged",
           "UPDATE account SET billing = 'monthly' WHERE carrier = 'jt'"),
    Damage("account_not_overdrawn", "a prepaid account spent below zero",
           "UPDATE account SET available = -1 WHERE carrier = 'jt' AND merchant_id = 1001"),
    Damage("lease_ledger", "a lease without its entry", "DELETE FROM unit_entry WHERE kind = 'lease'"),
    Damage("lease_ledger", "returned twice",
           copied("unit_entry", "kind = 'lease_return'", entry_id="gen_random_uuid()")),
    Damage("lease_ledger", "an entry of a lease that is not there",
           "UPDATE unit_entry SET subject = 'gone' WHERE kind = 'lease_return'"),
    Damage("lease_ledger", "a lease opened again after its return",
           "UPDATE lease SET closed_at = NULL WHERE next <= last"),
    Damage("cancelled_on_record", "cancelled by nobody", "DELETE FROM unit_entry WHERE kind = 'cancel'"),
    Damage("cancelled_on_record", "units back at once",
           "UPDATE unit_entry SET units = 1 WHERE kind = 'cancel'"),
    Damage("recycled_units", "a unit that came back twice",
           copied("unit_entry", "kind = 'recycle'", entry_id="gen_random_uuid()")),
    Damage("recycled_units", "recycled without giving back",
           "UPDATE waybill SET number_state = 'recycled' WHERE number_state = 'cancelled'"),
    Damage("recycled_units", "scanned and not debited again",
           "UPDATE waybill SET first_scan_at = now() WHERE number_state = 'recycled'"),
    Damage("refused_units", "a refused call that kept its unit", "DELETE FROM unit_entry WHERE kind = 'refused'"),
    Damage("refused_units", "units back for a call that was answered",
           "UPDATE live_intent SET state = 'refused' WHERE state = 'known'"),
    Damage("stopped_account_holds_no_lease", "a suspended account goes on",
           "UPDATE account SET state = 'suspended' WHERE carrier = 'zto'"),
    Damage("stock_equation", "sold without an entry", "UPDATE stock SET sold = sold + 1"),
    Damage("stock_equation", "stock out of nothing", "UPDATE stock SET received = received + 1"),
    Damage("stock_equation", "entries of a branch without stock", "DELETE FROM stock WHERE carrier = 'jt'"),
    Damage("stock_double_entry", "a recharge that the stock does not know",
           "DELETE FROM stock_entry WHERE kind = 'recharge' AND carrier = 'zto'"),
    Damage("stock_double_entry", "a reclaim that never reached the account",
           "DELETE FROM unit_entry WHERE kind = 'reclaim'"),
    Damage("stock_double_entry", "more at the merchant than the branch sold",
           "UPDATE unit_entry SET units = units + 1 WHERE kind = 'recharge'"),
    Damage("grant_matches_account", "a grant without an account",
           "UPDATE account SET grant_id = gen_random_uuid() WHERE grant_id IS NOT NULL"),
    Damage("grant_matches_account", "a grant that grew", "UPDATE share_grant SET units = units + 1"),
    Damage("grant_matches_account", "a return that was lost on its way",
           "DELETE FROM outbox WHERE topic = 'share.returned' AND done_at IS NULL"),
    Damage("grant_matches_account", "a revoked grant that is still in use",
           "UPDATE account SET state = 'active' WHERE state = 'closed'"),
    Damage("grant_matches_account", "lent to somebody else",
           "UPDATE share_grant SET user_id = 1003"),
    Damage("grant_double_entry", "the owner was never debited",
           "DELETE FROM unit_entry WHERE kind = 'grant' AND units < 0"),
    Damage("grant_double_entry", "two entries that are not one",
           "UPDATE unit_entry SET entry_id = gen_random_uuid() WHERE kind = 'grant' AND units > 0"),
    Damage("grant_double_entry", "a return booked twice",
           copied("unit_entry", "kind = 'grant_return' AND merchant_id = 1001", entry_id="gen_random_uuid()")),
    Damage("no_lease_of_the_dead", "one more lease without a worker",
           "UPDATE lease SET closed_at = NULL WHERE carrier = 'sf'"),
)  # fmt: skip
