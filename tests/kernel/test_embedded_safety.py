"""The embedded server is closed to others, leaves foreign folders alone, and says clearly why it cannot start."""

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from miandan.kernel.database import open_database
from miandan.kernel.errors import Refusal
from miandan.kernel.postgres import privileges
from miandan.kernel.postgres.layout import SOCKET_PATH_BYTES, Layout
from tests.kernel.programs import (
    Program,
    empty_folder,
    folder,
    is_gone,
    postmaster,
    settings_for,
    supervisor,
    wait_until,
)

PLAIN_UID = 65534
NAMELESS_UID = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs root on Linux")


async def test_the_generated_password_is_needed() -> None:
    with empty_folder() as data:
        async with open_database(settings_for(data)) as db:
            layout = Layout.of(data)
            target = {"host": str(layout.socket_folder()), "port": 5432, "database": "miandan"}
            for user, password in (("miandan", "wrong"), ("miandan", None), ("postgres", layout.password.read_text())):
                with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
                    await asyncpg.connect(user=user, password=password, passfile="/nowhere", **target)
            assert stat.S_IMODE(layout.password.stat().st_mode) == 0o600
            assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700
            assert not await db.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


async def test_the_server_is_durable_and_speaks_no_tcp() -> None:
    with folder() as data:
        async with open_database(settings_for(data)) as db:
            shown = {name: await db.fetchval(f"SHOW {name}") for name in _EXPECTED}
    assert shown == _EXPECTED


_EXPECTED = {
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "server_encoding": "UTF8",
    "password_encryption": "scram-sha-256",
    "log_statement": "none",
}


async def test_the_supervisor_takes_over_no_secret_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIANDAN_PASSPHRASE", "open sesame")
    with folder() as data:
        async with open_database(settings_for(data)):
            for pid in (supervisor(data), postmaster(data)):
                assert b"sesame" not in _environment(pid)


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_the_log_never_holds_a_value_of_a_statement() -> None:
    planted = "张小凡13800138000"
    with folder() as data:
        async with open_database(settings_for(data)) as db:
            await db.execute("CREATE TABLE person (name text PRIMARY KEY)")
            for _ in range(2):
                with suppress(asyncpg.UniqueViolationError):
                    await db.execute("INSERT INTO person VALUES ($1)", planted)
            with pytest.raises(asyncpg.DataError):
                await db.execute(f"SELECT '{planted}'::int")
        assert planted not in Layout.of(data).log.read_text(encoding="utf-8")


async def test_a_data_folder_with_a_long_path_works(tmp_path: Path) -> None:
    long = tmp_path / ("长" * 30) / ("x" * 60)
    long.mkdir(parents=True)
    with folder(long) as data:
        async with open_database(settings_for(data)) as db:
            assert await db.fetchval("SELECT 1") == 1
            socket_folder = Layout.of(data).socket_folder()
            assert socket_folder is not None
            assert len(os.fsencode(socket_folder / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
            assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert socket_folder.parent != long
    assert not socket_folder.exists()


async def test_settings_of_the_operator_are_read_last_and_a_mistake_in_them_is_named() -> None:
    with folder() as data:
        layout = Layout.of(data)
        layout.make()
        (layout.root / "operator.conf").write_text("work_mem = '7MB'\n", encoding="utf-8")
        async with open_database(settings_for(data)) as db:
            assert await db.fetchval("SHOW work_mem") == "7MB"
    with folder() as data:
        layout = Layout.of(data)
        layout.make()
        (layout.root / "operator.conf").write_text("no_such_setting = 1\n", encoding="utf-8")
        with pytest.raises(Refusal) as refused:
            async with open_database(settings_for(data)):
                pass
        assert refused.value.code == "database.start_failed"
        assert "configuration file" in str(refused.value)


@as_root
async def test_as_root_the_server_is_nobody_with_two_capabilities_and_no_foreign_folder_changes() -> None:
    with folder() as data:
        home = data.parent
        home.chmod(0o700)
        foreign = [*home.parents, home, *Path(sys.prefix).parents, Path(sys.prefix), Path(asyncpg.__file__).parents[1]]
        before = [_rights(path) for path in foreign]
        async with open_database(settings_for(data)):
            status = _status(postmaster(data))
        assert status["Uid"].split() == [str(privileges.SERVER_UID)] * 4
        assert int(status["CapEff"], 16) & ~0b110 == 0
        assert status["Groups"].strip() == ""
        assert [_rights(path) for path in foreign] == before


def _status(pid: int) -> dict[str, str]:
    """What the kernel says about a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def _rights(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid


@as_root
def test_a_plain_user_runs_the_server_as_himself() -> None:
    with empty_folder() as data:
        os.chown(data.parent, PLAIN_UID, PLAIN_UID)
        program = Program.start(data, uid=PLAIN_UID).wait_open()
        assert Path(f"/proc/{postmaster(data)}").stat().st_uid == PLAIN_UID
        assert Layout.of(data).cluster.stat().st_uid == PLAIN_UID
        assert program.ask("SELECT 1") == "1"
        server = postmaster(data)
        program.kill()
        wait_until(lambda: is_gone(server))


@as_root
def test_a_user_without_a_name_is_told_so() -> None:
    with empty_folder() as data:
        os.chown(data.parent, NAMELESS_UID, NAMELESS_UID)
        program = Program.start(data, uid=NAMELESS_UID, stderr=subprocess.PIPE)
        assert "database.embedded_unsupported" in program.process.communicate()[1]


@as_root
async def test_the_folder_of_another_user_is_refused() -> None:
    with empty_folder() as data:
        layout = Layout.of(data)
        layout.make()
        os.chown(layout.root, PLAIN_UID, PLAIN_UID)
        with pytest.raises(Refusal, match=r"database\.folder_denied"):
            async with open_database(settings_for(data)):
                pass
        os.chown(layout.root, 0, 0)


async def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(Refusal, match=r"database\.folder_denied"):
        async with open_database(settings_for(tmp_path / "file" / "data")):
            pass


async def test_an_error_of_the_program_itself_is_not_taken_for_one_of_the_folder() -> None:
    with folder() as data, pytest.raises(PermissionError):
        async with open_database(settings_for(data)):
            raise PermissionError
