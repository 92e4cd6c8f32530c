"""Damages to print jobs; see damages.py. What the tables themselves refuse is planted without their help."""

from tests.cli.damages import Damage, copied


def _without(*constraints: str) -> str:
    return "".join(f"ALTER TABLE print_sheet DROP CONSTRAINT {one}; " for one in constraints)


_SHEET = "sheet_id = (SELECT sheet_id FROM print_sheet WHERE state = '{}' ORDER BY sheet_id LIMIT 1)"
_LIVE = "DROP INDEX print_sheet_live; "
_COPY = "DROP INDEX print_sheet_copy; "


def _one(state: str) -> str:
    return _SHEET.format(state)


PRINT_DAMAGES = (
    Damage("sheet_stands_where_its_steps_lead", "a sheet that moved without a step",
           _without("print_sheet_ended") + f"UPDATE print_sheet SET state = 'cancelled' WHERE {_one('queued')}"),
    Damage("sheet_stands_where_its_steps_lead", "a step that nobody counted",
           "DELETE FROM print_sheet_step WHERE step = 1"),
    Damage("sheet_steps_are_allowed", "printed and then queued again",
           "UPDATE print_sheet_step SET state = 'printed' WHERE said = 'leased'"),
    Damage("sheet_steps_are_allowed", "printed without having been given out",
           "UPDATE print_sheet_step SET lease = 0 WHERE state = 'printed'"),
    Damage("sheet_copies_counted", "a copy that its waybill does not know",
           "UPDATE waybill SET sheet_copies = sheet_copies - 1 WHERE sheet_copies > 0"),
    Damage("sheet_copies_counted", "a copy counted for nobody",
           "UPDATE waybill SET sheet_copies = 1, copies = 1 WHERE copies = 0"),
    Damage("sheet_copies_counted", "a sheet of a copy above all copies",
           f"UPDATE print_sheet SET copy = 9 WHERE {_one('printed')}"),
    Damage("paper_was_counted", "printed and not counted",
           f"UPDATE print_sheet SET drawn = 0 WHERE {_one('printed')}"),
    Damage("paper_was_counted", "counted and never given out",
           f"UPDATE print_sheet SET drawn = 1 WHERE {_one('queued')} AND lease = 0 "
           "OR state = 'queued' AND lease = 0"),
    Damage("copy_once", "the same copy twice",
           _COPY + copied("print_sheet", "state = 'printed'", sheet_id="gen_random_uuid()", place="99")),
    Damage("one_sheet_on_its_way", "a number queued twice",
           _LIVE + copied("print_sheet", "state = 'queued' AND copy = 0", sheet_id="gen_random_uuid()", place="99")),
    Damage("printed_has_evidence", "printed, and nobody says why one knows",
           _without("print_sheet_proven") + "UPDATE print_sheet SET evidence = '' WHERE state = 'printed'"),
    Damage("printed_has_evidence", "in doubt without a reason",
           _without("print_sheet_reasoned") + "UPDATE print_sheet SET reason = '' WHERE state = 'doubtful'"),
    Damage("job_has_its_sheets", "a sheet that has vanished",
           f"DELETE FROM print_sheet WHERE {_one('printed')}"),
    Damage("job_has_its_sheets", "a queue that nobody looks into", "UPDATE print_job SET drained = true"),
    Damage("sheet_with_a_paired_agent", "an agent that was unpaired and keeps what it had",
           "UPDATE print_agent SET state = 'unpaired', unpaired_at = now()"),
    Damage("packed_has_a_label", "packed and never printed",
           "UPDATE parcel_packed SET copy = 7"),
)  # fmt: skip
