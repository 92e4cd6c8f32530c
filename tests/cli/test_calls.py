"""`miandan calls` at the keyboard: a log_id leads to what was answered, and to nothing that was sent."""

from datetime import timedelta

import pytest

from miandan.access import service
from miandan.access.calls import CallLog, CallNote
from miandan.access.model import AppKind, Registration
from miandan.access.scopes import scopes_for
from miandan.kernel.clock import now
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import open_root_key
from tests.cli.clerk import Clerk, clerk_of


@pytest.fixture(scope="module")
def patient_clerk(shared_sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    """Only looks, so all can look at one sandbox."""
    return clerk_of(shared_sandbox_url, tmp_path_factory.mktemp("patient"))


async def called(clerk: Clerk, *notes: CallNote) -> str:
    """The key of an app that has called so, oldest first; each note gets it."""
    settings = Settings.from_environment(clerk.environment)
    async with open_database(settings) as db:
        root = open_root_key(settings.data, None, sandbox=True)
        app, _ = await service.register_app(db, root, Registration("查询", AppKind.TOOL, scopes_for("shop")))
        log = CallLog(db)
        for age, note in enumerate(reversed(notes)):
            log.note(note._replace(app_key=app.app_key, at=now() - timedelta(minutes=age)))
        await log.flush()
    return app.app_key


def noted(log_id: str, code: int = 10000, sub_code: str = "", method: str = "logistics.cancelOrder") -> CallNote:
    return CallNote(log_id, now(), "doudian", "", method, "S10001", code, sub_code, 12)


async def test_a_log_id_shows_who_called_what_and_how_it_was_answered(patient_clerk: Clerk) -> None:
    key = await called(patient_clerk, noted("20260101A", 40003, "isv.signature-invalid"))
    done = patient_clerk.run("calls", "20260101A")
    assert done.code == 0
    rows = dict(line.split(maxsplit=2)[1:] for line in done.out.splitlines())
    assert (rows["app"], rows["method"], rows["for"]) == (key, "logistics.cancelOrder", "S10001")
    assert (rows["log_id"], rows["code"], rows["ms"]) == ("20260101A", "40003 isv.signature-invalid", "12")


async def test_the_latest_calls_of_an_app_come_newest_first_and_only_its_own(patient_clerk: Clerk) -> None:
    await called(patient_clerk, noted("OTHERS"))
    key = await called(patient_clerk, noted("FIRST"), noted("SECOND"), noted("THIRD", 60000, "isv.traffic-limited"))
    done = patient_clerk.run("calls", "--app", key, "--limit", "2")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["THIRD", "SECOND"]
    assert "60000 isv.traffic-limited" in done.out


async def test_what_a_caller_wrote_as_method_moves_nothing_on_the_screen(patient_clerk: Clerk) -> None:
    await called(patient_clerk, noted("ODD", 40003, "isv.method-unknown", "\x1b[2J\u202elogistics"))
    done = patient_clerk.run("calls", "ODD")
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


async def test_an_app_that_never_called_is_told_from_one_that_does_not_exist(patient_clerk: Clerk) -> None:
    key = await called(patient_clerk)
    silent = patient_clerk.run("calls", "--app", key)
    assert (silent.code, silent.out) == (0, "")
    assert patient_clerk.run("calls", "--app", "7999999999999999999").error_code == "access.app_unknown"


@pytest.mark.parametrize("typed", [(), ("20260101A", "--app", "7000000000000000001")])
def test_one_call_or_one_app_is_asked_for(patient_clerk: Clerk, typed: tuple[str, ...]) -> None:
    done = patient_clerk.run("calls", *typed)
    assert (done.code, done.error_code) == (1, "calls.which")


def test_an_unknown_log_id_is_said_to_be_unknown(patient_clerk: Clerk) -> None:
    done = patient_clerk.run("calls", "20200101000000NOBODY")
    assert (done.code, done.out, done.error_code) == (1, "", "access.call_unknown")
