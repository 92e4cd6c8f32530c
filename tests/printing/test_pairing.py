"""Pairing a computer by a code, whose agents are whose, and the printers that they describe."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import PrinterSaid, PrinterState
from miandan.printing import pairing, printers
from miandan.printing.model import Agent, AgentOwner, AgentState, OwnerKind
from tests.printing.conftest import Printery
from tests.printing.floor import LABELLER, PACKER, SECOND, Floor

BRANCH = AgentOwner(OwnerKind.BRANCH, carrier="yto", branch_code="571001")


async def pair(floor: Floor, code: str, **more: object) -> Agent:
    sealing = X25519PrivateKey.generate().public_key().public_bytes_raw()
    signing = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return await pairing.pair(floor.db, code, "一号机", sealing, signing, **more)  # type: ignore[arg-type]


async def refused(floor: Floor, code: str, **more: object) -> str:
    with pytest.raises(Refusal) as refusal:
        await pair(floor, code, **more)
    return refusal.value.code


async def test_a_code_pairs_one_computer_and_is_worth_nothing_after_it(printery: Printery) -> None:
    async with printery.floor() as floor:
        code = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        assert code.text not in repr(code)
        assert len(code.text) == 9
        agent = await pair(floor, code.text)
        assert (agent.owner, agent.state) == (floor.owner, AgentState.PAIRED)
        assert await printers.agent_by_id(floor.db, agent.agent_id) == agent
        assert await refused(floor, code.text) == "printing.pairing_code_wrong"


async def test_a_code_is_read_as_people_type_it(printery: Printery) -> None:
    async with printery.floor() as floor:
        code = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        typed = code.text.lower().replace("0", "o").replace("1", "l").replace("-", " ")
        assert (await pair(floor, f" {typed} ")).owner == floor.owner


async def test_many_that_use_one_code_at_once_pair_one_computer(printery: Printery) -> None:
    async with printery.floor() as floor:
        code = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        done = await asyncio.gather(*(pair(floor, code.text) for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(one, Agent) for one in done) == 1


async def test_a_code_runs_out_and_a_few_wrong_tries_end_it(printery: Printery) -> None:
    async with printery.floor() as floor:
        old = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        assert await refused(floor, old.text, at=old.until) == "printing.pairing_code_wrong"
        assert old.until - now() <= timedelta(minutes=10)
        code = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        wrong = code.text[:-1] + ("2" if code.text[-1] != "2" else "3")
        for _ in range(5):
            assert await refused(floor, wrong) == "printing.pairing_code_wrong"
        assert await refused(floor, code.text) == "printing.pairing_code_wrong", "tried too often"


@pytest.mark.parametrize("text", ["", "1234", "ÄÖÜ", "1" * 400, "0000-0000", "####"])
async def test_other_texts_are_refused_alike(printery: Printery, text: str) -> None:
    async with printery.floor() as floor:
        assert await refused(floor, text) == "printing.pairing_code_wrong"


async def test_keys_and_names_that_are_none_are_refused_before_the_code_is_looked_at(printery: Printery) -> None:
    async with printery.floor() as floor:
        code = await pairing.make_pairing_code(floor.db, floor.owner, PACKER)
        good = X25519PrivateKey.generate().public_key().public_bytes_raw()
        sign = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        for sealing, signing, name in ((b"short", sign, "x"), (good, b"short", "x"), (bytes(32), sign, "x")):
            with pytest.raises(Refusal) as refusal:
                await pairing.pair(floor.db, code.text, name, sealing, signing)
            assert refusal.value.code == "labels.agent_key_wrong"
        for name in ("", "  ", "x" * 61, "a\nb"):
            with pytest.raises(Refusal) as refusal:
                await pairing.pair(floor.db, code.text, name, good, sign)
            assert refusal.value.code == "printing.agent_name_wrong"
        assert (await pair(floor, code.text)).name == "一号机"


@pytest.mark.parametrize(
    "owner",
    [
        AgentOwner(OwnerKind.MERCHANT),
        AgentOwner(OwnerKind.MERCHANT, 7, "yto"),
        AgentOwner(OwnerKind.BRANCH, 7, "yto", "571001"),
        AgentOwner(OwnerKind.BRANCH, 0, "yto"),
    ],
)
async def test_an_owner_is_a_merchant_or_a_branch(printery: Printery, owner: AgentOwner) -> None:
    async with printery.floor() as floor:
        with pytest.raises(Refusal) as refusal:
            await pairing.make_pairing_code(floor.db, owner, PACKER)
        assert refusal.value.code == "printing.owner_wrong"


async def test_only_the_owner_unpairs_and_only_once(printery: Printery) -> None:
    async with printery.floor() as floor, printery.floor() as other:
        machine = await floor.machine()
        agent_id = machine.agent.agent_id
        with pytest.raises(Refusal):
            await pairing.unpair(other.desk, other.owner, agent_id, PACKER)
        await pairing.unpair(floor.desk, floor.owner, agent_id, PACKER)
        with pytest.raises(Refusal):
            await pairing.unpair(floor.desk, floor.owner, agent_id, PACKER)
        with pytest.raises(Refusal) as refusal:
            await printers.agent_by_id(floor.db, agent_id)
        assert refusal.value.code == "printing.agent_unpaired"
        assert [one.state for one in await printers.agents_of(floor.db, floor.owner)] == [AgentState.UNPAIRED]


async def test_an_agent_that_nobody_paired_is_unknown(printery: Printery) -> None:
    async with printery.floor() as floor:
        with pytest.raises(Refusal) as refusal:
            await printers.agent_by_id(floor.db, uuid4())
        assert refusal.value.code == "printing.agent_unknown"


async def test_printers_are_as_their_agent_named_them_last(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        await printers.say_condition(floor.db, machine.agent, LABELLER, PrinterState.TROUBLE, "paper_out")
        [bench] = await printers.benches_for(floor.db, floor.merchant_id)
        assert {one.name: (one.state, one.detail) for one in bench.printers} == {
            LABELLER: ("trouble", "paper_out"),
            SECOND: ("ready", ""),
        }
        await printers.say_printers(floor.db, machine.agent, [PrinterSaid("A4", "ipp"), PrinterSaid("A4", "cups")])
        [bench] = await printers.benches_for(floor.db, floor.merchant_id)
        assert [(one.name, one.driver) for one in bench.printers] == [("A4", "cups")]
        await printers.say_printers(floor.db, machine.agent, [])
        [bench] = await printers.benches_for(floor.db, floor.merchant_id)
        assert bench.printers == ()


async def test_an_agent_is_online_while_it_is_heard(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, at = await floor.machine(), now()
        [bench] = await printers.benches_for(floor.db, floor.merchant_id)
        assert not bench.is_online
        await printers.saw(floor.db, machine.agent, "0.1", at)
        await printers.saw(floor.db, machine.agent, "", at - timedelta(hours=1))
        [bench] = await printers.benches_for(floor.db, floor.merchant_id, at + timedelta(seconds=5))
        assert (bench.is_online, bench.agent.version) == (True, "0.1")
        [bench] = await printers.benches_for(floor.db, floor.merchant_id, at + timedelta(minutes=5))
        assert not bench.is_online


async def test_only_a_branch_grants_and_only_its_own_agents(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, cloud = await floor.machine(), await floor.machine("网点", BRANCH)
        other = AgentOwner(OwnerKind.BRANCH, carrier="yto", branch_code="999")
        for owner, agent in ((floor.owner, machine), (BRANCH, machine), (other, cloud)):
            with pytest.raises(Refusal) as refusal:
                await printers.grant_agent(floor.db, owner, agent.agent.agent_id, floor.merchant_id, "x")
            assert refusal.value.code == "printing.agent_unknown"
        for _ in range(2):
            await printers.grant_agent(floor.db, BRANCH, cloud.agent.agent_id, floor.merchant_id, "x")
        assert len(await printers.benches_for(floor.db, floor.merchant_id)) == 2
        for _ in range(2):
            await printers.revoke_agent(floor.desk, BRANCH, cloud.agent.agent_id, floor.merchant_id, "x")
        assert len(await printers.benches_for(floor.db, floor.merchant_id)) == 1
