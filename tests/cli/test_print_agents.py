"""`miandan agents` and `miandan print-jobs` at the keyboard: a computer is paired, let in, unpaired, and looked at."""

import asyncio
import json
import re
from uuid import uuid4

from miandan.kernel.database import Database, open_database
from miandan.kernel.settings import Settings
from miandan.printing.model import Agent
from miandan.printing.pairing import pair
from tests.cli.clerk import Clerk, Done

KEY = bytes([9]) + bytes(31)
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


def done(clerk: Clerk, *words: str) -> Done:
    ended = clerk.run(*words)
    assert ended.code == 0, ended.err
    return ended


def paired(clerk: Clerk, code: str) -> Agent:
    """What the computer does with the code."""

    async def run() -> Agent:
        async with open_database(Settings.from_environment(clerk.environment)) as db:
            return await _pair(db, code)

    return asyncio.run(run())


async def _pair(db: Database, code: str) -> Agent:
    return await pair(db, code, "仓库一号机", KEY, KEY)


def test_an_agent_is_paired_lets_a_merchant_in_and_is_unpaired(clerk: Clerk) -> None:
    done(clerk, "demo", "--quiet")
    branch = json.loads(done(clerk, "branches", "list", "zto", "--json").out)[0]
    where = ("--branch", f"zto/{branch['branch']}")
    shown = done(clerk, "agents", "code", *where)
    found = CODE.search(shown.out)
    assert found is not None
    agent = str(paired(clerk, found[0]).agent_id)
    done(clerk, "agents", "grant", agent, *where, "--merchant", "1001")
    [row] = json.loads(done(clerk, "agents", "list", *where, "--json").out)
    assert (row["agent"], row["state"], row["online"], row["merchants"]) == (agent, "paired", False, "1001")
    done(clerk, "agents", "revoke", agent, *where, "--merchant", "1001")
    done(clerk, "agents", "unpair", agent, *where)
    [row] = json.loads(done(clerk, "agents", "list", *where, "--json").out)
    assert (row["state"], row["merchants"]) == ("unpaired", "")
    assert clerk.run("agents", "unpair", agent, *where).error_code == "printing.agent_unknown"
    assert clerk.run("agents", "code").error_code == "printing.owner_wrong"
    assert clerk.run("agents", "code", "--merchant", "1001", *where).error_code == "printing.owner_wrong"


def test_print_jobs_are_looked_at_and_unknown_ones_are_refused(clerk: Clerk) -> None:
    done(clerk, "demo", "--quiet")
    assert json.loads(done(clerk, "print-jobs", "list", "--merchant", "1001", "--json").out) == []
    assert done(clerk, "print-jobs", "to-check", "--merchant", "1001").out == ""
    for text in (str(uuid4()), "x"):
        assert clerk.run("print-jobs", "show", text, "--merchant", "1001").error_code == "printing.job_unknown"
        for words in (("doubt", text), ("settle", text, "printed")):
            assert clerk.run("print-jobs", *words, "--merchant", "1001").error_code == "printing.sheet_unknown"
