"""A computer pairs with a code, once; whatever is wrong is told in words and leaves nothing behind."""

import asyncio
from datetime import timedelta
from pathlib import Path
from stat import S_IMODE

import httpx
import pytest

from miandan.agent.folder import Folder
from miandan.agent.keys import agent_keys
from miandan.agent.leaving import leave
from miandan.agent.pairing import pair
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.printing.job_model import SheetState
from miandan.printing.pairing import make_pairing_code
from miandan.printing.printers import agent_by_id, agents_of
from miandan.printing.service import public_key
from tests.link.depot import BY, Depot, Depots, connected, folder_printer, until, working


async def refused(depot: Depot, path: Path, code: str, url: str | None = None) -> Refusal:
    with pytest.raises(Refusal) as found:
        await asyncio.to_thread(pair, Folder(path), url or depot.running.url, code)
    return found.value


async def test_a_code_pairs_one_computer_and_no_second_one(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        code = await depot.code()
        typed = code.lower().replace("-", " ")
        paired = await asyncio.to_thread(pair, Folder(tmp_path / "one"), depot.running.url + "/", typed, "一号机")
        [agent] = await agents_of(depot.running.hall.db, depot.owner)
        keys = agent_keys(Folder(tmp_path / "one").keys)
        assert (str(agent.agent_id), agent.name) == (paired.agent_id, "一号机")
        assert (agent.public_key, agent.signing_key) == (keys.public_opening, keys.public_signing)
        assert paired.platform_key == (await public_key(depot.running.hall.printing)).hex()
        assert paired.server == depot.running.url
        again = await refused(depot, tmp_path / "two", code)
        assert (again.code, again.fields["code"]) == ("agent.pairing_refused", "printing.pairing_code_wrong")
        assert not Folder(tmp_path / "two").config.exists()


async def test_a_wrong_or_old_code_pairs_nobody(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        old = await make_pairing_code(depot.running.hall.db, depot.owner, BY, now() - timedelta(days=1))
        for code in (old.text, "0000-0000", "", "七七七七"):
            assert (await refused(depot, tmp_path / "agent", code)).fields["code"] == "printing.pairing_code_wrong"
        assert await agents_of(depot.running.hall.db, depot.owner) == []


async def test_a_path_that_does_not_belong_there_is_said_and_the_code_is_still_good(
    depots: Depots, tmp_path: Path
) -> None:
    async with depots() as depot:
        code = await depot.code()
        wrong = await refused(depot, tmp_path / "agent", code, depot.running.url + "/agent/pair")
        assert wrong.code == "agent.address_no_platform"
        assert "同一个配对码" in wrong.next_zh
        await asyncio.to_thread(pair, Folder(tmp_path / "agent"), depot.running.url, code)


async def test_keys_and_pairing_are_for_this_user_alone_and_stay_out_of_sight(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
        assert S_IMODE(folder.path.stat().st_mode) == 0o700
        assert {S_IMODE(file.stat().st_mode) for file in (folder.keys, folder.config)} == {0o600}
        keys = agent_keys(folder.keys)
        assert keys == agent_keys(folder.keys)
        assert keys.opening.hex() not in repr(keys) + repr(paired) + folder.config.read_text()


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"code":"1","name":"a","public_key":"zz","signing_key":"zz"}', b"\xff", b"x" * 20_000],
)
async def test_a_malformed_request_is_refused_in_words(depots: Depots, body: bytes) -> None:
    async with depots() as depot, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{depot.running.url}/agent/pair", content=body)
        assert answer.status_code == 400
        assert answer.json()["code"] == "link.pairing_malformed"


async def test_keys_that_are_none_are_refused(depots: Depots) -> None:
    async with depots() as depot, httpx.AsyncClient(trust_env=False) as http:
        asked = {"code": await depot.code(), "name": "一号机", "public_key": "00" * 32, "signing_key": "00" * 32}
        answer = await http.post(f"{depot.running.url}/agent/pair", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (400, "labels.agent_key_wrong")


async def test_the_door_has_nothing_else(depots: Depots) -> None:
    async with depots() as depot, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{depot.running.url}/agent/pair")).status_code == 405
        assert (await http.get(f"{depot.running.url}/agent")).status_code == 404


async def test_a_server_that_is_none_is_told_apart(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        assert (await refused(depot, tmp_path, "1", "ftp://x")).code == "agent.address_wrong"
        assert (await refused(depot, tmp_path, "1", "http://127.0.0.1:1")).code == "agent.server_unreachable"
        assert (await refused(depot, tmp_path, "1", depot.running.url + "/health")).code == "agent.server_unreachable"


async def test_whoever_leaves_is_given_nothing_more_and_may_pair_again_under_other_keys(
    depots: Depots, tmp_path: Path
) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired, keys = await depot.paired(folder.path), agent_keys(folder.keys)
        away = tmp_path / "away"
        async with working(folder.path, [folder_printer(away)], paired) as agent:
            await connected(agent, depot.db)
        assert await leave(folder, paired)
        folder.forget()
        with pytest.raises(Refusal) as refused:
            await agent_by_id(depot.running.hall.db, (await agents_of(depot.running.hall.db, depot.owner))[0].agent_id)
        assert refused.value.code == "printing.agent_unpaired"
        await depot.paired(folder.path)
        assert agent_keys(folder.keys) != keys


async def test_leaving_tells_first_what_is_known_of_the_sheets(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
        (tmp_path / "away").write_text("a file where the printer wants a folder")
        async with working(folder.path, [folder_printer(tmp_path / "away")], paired) as agent:
            await connected(agent, depot.db)
            await depot.job(await depot.numbers(3), paired.agent_id)
            await until(lambda: agent.benches["一号"].waiting == 3)
            agent.orders.say = lambda _message: None  # the cable is cut: nothing is told at the end
            agent.link.state = agent.link.state.__class__.WAITING
        assert await leave(folder, paired)
        assert await depot.states() == {SheetState.QUEUED: 3}


async def test_without_the_server_leaving_says_that_it_has_to_be_told_there(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
    assert not await leave(folder, paired)
