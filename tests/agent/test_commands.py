"""`miandan agent` as it is typed: one agent per folder, its exit codes, and what each command shows."""

import json
import os
import plistlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from miandan.agent.folder import Folder, Paired
from miandan.agent.service_texts import ServiceKind, service_text
from miandan.agent.status import AgentStatus, read_status

MIANDAN = [sys.executable, "-c", "from miandan.cli import main; main()"]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"MIANDAN_AGENT": str(folder), "PYTHONIOENCODING": "utf-8"}


def agent(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*MIANDAN, "agent", *words], env=environment(folder), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """An agent whose server is nowhere."""
    Folder(folder).make()
    Folder(folder).keep(Paired("http://127.0.0.1:1", "01a21914-d020-76bf-9966-075b83c9ee5c", "仓库一号机"))
    program = subprocess.Popen([*MIANDAN, "agent", "run"], env=environment(folder), stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while not Folder(folder).status.exists():
            assert time.monotonic() < until
            assert program.poll() is None
            time.sleep(0.05)
        yield program
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(60)
        assert program.stderr is not None
        program.stderr.close()


def seen(folder: Path, holds: Callable[[AgentStatus], bool]) -> None:
    """Wait until the running agent says so of itself."""
    until = time.monotonic() + 60
    while not holds(read_status(Folder(folder))):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_second_agent_on_a_folder_says_so_and_the_first_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        second = agent(tmp_path, "run")
        assert second.returncode == 1
        assert "agent.already_running" in second.stderr
        assert first.poll() is None
    assert first.returncode == 0


def test_status_printers_and_a_test_page_of_a_running_agent(tmp_path: Path) -> None:
    with running(tmp_path):
        seen(tmp_path, lambda status: status.link.state != "stopped")
        status = agent(tmp_path, "status", "--json")
        assert status.returncode == 2  # it runs, and has no link
        shown = json.loads(status.stdout)
        assert shown["name"] == "仓库一号机"
        assert shown["link"]["state"] in ("waiting", "connecting")
        assert [one["name"] for one in shown["printers"]] == ["文件夹"]
        printed = agent(tmp_path, "test", "文件夹")
        assert printed.returncode == 0, printed.stderr
        assert len(list((tmp_path / "printed").glob("*.pdf"))) == 1
        unknown = agent(tmp_path, "test", "没有")
        assert (unknown.returncode, "agent.printer_unknown" in unknown.stderr) == (1, True)
        seen(tmp_path, lambda status: status.printers[0].printed == 1)
        [printer] = json.loads(agent(tmp_path, "printers", "--json").stdout)
        assert (printer["state"], printer["printed"]) == ("ready", 1)
        assert "文件夹" in agent(tmp_path, "status").stdout


def test_without_a_running_agent_status_says_so_and_a_test_page_comes_out_all_the_same(tmp_path: Path) -> None:
    assert agent(tmp_path, "status").returncode == 1
    assert agent(tmp_path, "test", "文件夹", "--page", "calibration").returncode == 0
    assert len(list((tmp_path / "printed").glob("*.pdf"))) == 1
    [printer] = json.loads(agent(tmp_path, "printers", "--json").stdout)
    assert printer["driver"] == "folder"


def test_nothing_runs_without_a_pairing_and_nothing_is_unpaired(tmp_path: Path) -> None:
    for words in (["run"], ["unpair"]):
        ended = agent(tmp_path, *words)
        assert (ended.returncode, "agent.not_paired" in ended.stderr) == (1, True)


def test_unpairing_without_the_server_deletes_the_keys_here_and_says_so(tmp_path: Path) -> None:
    agent(tmp_path, "test", "文件夹")
    Folder(tmp_path).keep(Paired("http://127.0.0.1:1", "01a21914-d020-76bf-9966-075b83c9ee5c"))
    assert Folder(tmp_path).keys.exists()
    assert agent(tmp_path, "unpair").returncode == 2
    assert not Folder(tmp_path).keys.exists()
    assert not Folder(tmp_path).config.exists()


def test_the_log_shows_its_newest_lines(tmp_path: Path) -> None:
    agent(tmp_path, "test", "文件夹")
    lines = agent(tmp_path, "logs", "--lines", "2").stdout.splitlines()
    assert len(lines) == 2
    assert lines[-1].endswith(" agent.stopped")
    assert len(agent(tmp_path, "logs").stdout.splitlines()) > 2


def test_a_printers_file_that_is_wrong_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "printers.toml").write_text("[[printer]]\nname = 7\n", encoding="utf-8")
    ended = agent(tmp_path, "printers")
    assert (ended.returncode, "agent.printers_wrong" in ended.stderr) == (1, True)


@pytest.mark.parametrize("kind", list(ServiceKind))
def test_each_service_text_names_this_program_and_this_folder(kind: ServiceKind, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "数据 'data' <1>")
    text = service_text(kind, folder)
    assert "agent" in text
    assert agent(folder.path, "service", kind.value).stdout == text
    if kind is ServiceKind.LAUNCHD:
        told = plistlib.loads(text.encode())
        assert told["EnvironmentVariables"]["MIANDAN_AGENT"] == str(folder.path)
        assert told["ProgramArguments"][-2:] == ["agent", "run"]
    else:
        assert "data" in text


def test_the_systemd_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    unit = tmp_path / "miandan-agent.service"
    unit.write_text(service_text(ServiceKind.SYSTEMD, Folder(tmp_path / "data")), encoding="utf-8")
    try:
        judged = subprocess.run(
            ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, timeout=30, check=False
        )
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not installed")
    assert str(unit) not in judged.stderr
