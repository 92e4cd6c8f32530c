"""docs/dialects/doudian.md says what the dialect does: tables follow the code, programs run, figures hold."""

import asyncio
import os
import re
import subprocess
import sys
from collections import defaultdict
from shutil import which

import pytest

from miandan.access.terms import terms_at
from miandan.cli.sandbox import apps_of_the_sandbox, load_sandbox, load_sandbox_apps
from miandan.dialects.doudian import asking
from miandan.dialects.doudian.answers import OWN_NUMBERS
from miandan.dialects.doudian.calls import methods
from miandan.dialects.doudian.fields import requests
from miandan.hall import LARGEST_BODY
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.database import open_database
from miandan.kernel.errors import catalogue
from miandan.kernel.settings import Settings
from miandan.vault import decrypts, issued
from miandan.vault.root import open_root_key
from tests.docs.doudian_codes import (
    BEGIN,
    CODES_PAGE,
    END,
    FIELDS,
    PAGE,
    codes_page,
    known_but_not_offered,
    listed_codes,
    methods_part,
    notes,
    numbered,
    page_with_methods,
    rows,
)
from tests.docs.pages import read
from tests.docs.raised import ROOT
from tests.docs.reachable import met
from tests.served import served

TEXT = read(PAGE)
CHINESE = re.compile(r"[一-鿿]")
LONGEST_PAGE = 350
"""Lines; who has to change one URL reads no more."""


def fenced(language: str) -> list[str]:
    """Programs of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


# --- methods ----------------------------------------------------------------------------------------------------------


def test_every_offered_method_has_its_row_and_no_other_has_one() -> None:
    noted = [name for group in notes() for name in group["method"]]
    assert sorted(noted) == sorted(one.name for one in methods().values())
    assert [name for name in noted if methods_part().count(f"| `{name}` |") != 1] == []


def test_what_the_page_says_of_a_method_is_said_in_both_languages() -> None:
    said = [(name, *texts) for group in notes() for name, texts in group["method"].items()]
    assert [name for name, zh, en in said if not CHINESE.search(zh.replace(FIELDS, "")) and "`data`" not in zh] == []
    assert [name for name, zh, en in said if CHINESE.search(en) or not en] == []


def test_methods_that_are_known_but_not_offered_are_named_and_none_is_both() -> None:
    missing = known_but_not_offered()
    assert [name for name in missing if f"`{name}`" not in methods_part()] == []
    assert not {name.lower() for name in missing} & methods().keys()
    assert "logistics.createSFOrder" in missing


def test_the_tables_of_methods_on_the_page_are_those_of_the_code() -> None:
    """When this fails: python -m tests.docs.doudian_codes --write."""
    assert TEXT.count(BEGIN) == TEXT.count(END) == 1
    assert page_with_methods(TEXT) == TEXT


def test_a_developer_reads_no_more_than_a_few_screens() -> None:
    assert len(TEXT.splitlines()) <= LONGEST_PAGE


# --- codes ------------------------------------------------------------------------------------------------------------


def test_the_page_of_codes_is_made_from_the_code() -> None:
    """When this fails: python -m tests.docs.doudian_codes --write."""
    assert read(CODES_PAGE) == codes_page()


def test_the_refusals_that_a_call_can_meet_are_found_in_the_source() -> None:
    """Some of every room that a call goes through, and none of those that it never enters."""
    assert met() <= catalogue().keys()
    assert met() >= {"doudian.signature_wrong", "doudian.json_malformed", "access.throttled", "orders.unknown",
                     "units.exhausted", "cancel.picked_up", "outbound.refund_open", "vault.budget", "scan.too_old",
                     "printing.agent_unknown", "supply.no_relation", "failure.unforeseen"}  # fmt: skip
    assert not {code for code in met() if code.split(".")[0] in ("ship", "report", "demo", "list", "apps", "server")}
    assert len(met()) > 150


def test_codes_name_refusals_that_exist_and_methods_that_are_offered() -> None:
    named = [(row.get("method", ""), refusal) for row in listed_codes() for refusal in row["refusals"]]
    assert [one for one in named if one[1] not in catalogue()] == []
    assert [one for one in named if one[0] and one[0].lower() not in methods()] == []
    assert [one for one in named if named.count(one) > 1] == []


def test_no_two_refusals_that_can_meet_have_one_number_unless_a_row_puts_them_together() -> None:
    together = [set(row["refusals"]) for row in listed_codes()]
    answered: dict[tuple[str, int, int], set[str]] = defaultdict(set)
    for method, row in numbered():
        answered[method, row.code, row.number].add(row.refusal)
    meeting = {place: refusals for place, refusals in answered.items() if len(refusals) > 1}
    assert {place: some for place, some in meeting.items() if not any(some <= row for row in together)} == {}


def test_own_numbers_are_marked_as_own() -> None:
    wrong = [row for row in rows() if row.number >= OWN_NUMBERS and "own" not in row.source]
    assert wrong == []
    assert any("seen" in row.source for row in rows())


@pytest.mark.parametrize("code", sorted({row.code for row in rows()}))
def test_every_code_that_is_answered_is_explained_on_the_page(code: int) -> None:
    assert re.search(rf"^\| {code} \|", TEXT, re.MULTILINE)


# --- figures ----------------------------------------------------------------------------------------------------------


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    budget = decrypts.decrypt_budget_on(now().astimezone(BEIJING).date())
    figures = {
        f"请求体 {LARGEST_BODY // 2**20} MiB，参数 {asking.MOST_FIELDS} 个",
        f"误差 ±{asking.TOLERANCE.seconds} 秒",
        f"每个应用每秒 {terms_at(now()).calls_per_second} 次",
        f"每应用每天 {budget.base} 条，近 {budget.days} 天每 100 单再加 {budget.per_hundred_orders}",
        f"{issued._LENGTHS[0]}，带索引 {issued._LENGTHS[1]}",
    }
    assert [one for one in figures if one not in TEXT] == []
    assert f"at most {_most('logistics.newCreateOrder', 'order_infos')} orders" in TEXT
    assert f"最多 {_most('logistics.newCreateOrder', 'order_infos.pack_id')} 个字母" in TEXT
    numbers = _most("logistics.waybillApply", "waybill_applies")
    assert f"at most {numbers} numbers" in TEXT
    assert f"({numbers} a call at most)" in read(ROOT / "docs" / "printing-data.md")


def _most(method: str, path: str) -> int:
    [limit] = [one.limit for one in requests()[method] if one.path == path]
    assert limit is not None
    return limit.most


def test_the_page_names_the_apps_of_the_sandbox() -> None:
    shop = apps_of_the_sandbox()[0]
    assert f"APP={shop.app_key} SECRET={shop.secret}" in TEXT
    assert f'APP, SECRET = "{shop.app_key}", "{shop.secret}"' in TEXT


# --- programs ---------------------------------------------------------------------------------------------------------


async def test_the_programs_of_the_page_run_against_the_sandbox(settings: Settings) -> None:
    """As they are printed, but for the address; three seconds, most of them for loading the sandbox."""
    settings.data.mkdir(parents=True, exist_ok=True)
    async with open_database(settings, pool_size=4) as db:
        await load_sandbox(db)
        await load_sandbox_apps(db, open_root_key(settings.data, None, sandbox=True))
    [shell], [program] = fenced("bash"), fenced("python")
    async with served(settings) as running:
        first = await _run(["bash", "-c", _at(running.url, shell)]) if which("openssl") and which("curl") else ""
        unsigned = (
            await _run(["bash", "-c", _at(running.url, re.sub(r"(?m)^SIGN=.*$", "SIGN=0", shell))]) if first else ""
        )
        second = await _run([sys.executable, "-c", _at(running.url, program)])
    if first:
        assert '"code":10000' in first
        assert '"shop_id":"S10001"' in first
        assert "<secret>app_key7000000000000000001methodtoken.createparam_json{" in unsigned
        assert "example-secret" not in unsigned
    one, two, print_data, cancelled = second.splitlines()
    assert re.fullmatch(r"(\S+)  \[\]", one)
    assert two.startswith(f"{one.split()[0]} 该包裹已取过号")
    assert print_data.startswith("TURQM")  # MDP1
    assert cancelled == "{'cancel_result': {'success': True}}"


def _at(url: str, program: str) -> str:
    moved = program.replace("http://127.0.0.1:8080", url)
    assert moved != program
    return moved


async def _run(command: list[str]) -> str:
    """What a program of the page prints; it must end well."""
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "no_proxy": "*"}
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)
