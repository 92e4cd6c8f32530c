"""Print jobs for mix.py: labels that came out, failed, are in doubt, wait, were stopped, and one parcel packed."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miandan.labels.agent_link import Outcome, PrinterSaid
from miandan.printing import jobs, leasing, pairing, printers, reprints, sheets_life, stations
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import JobAsk, PrinterRef, Word, read_tag
from miandan.printing.model import AgentOwner, Asked, OwnerKind
from miandan.vault.root import FileRootKey
from miandan.waybills.model import Taken
from tests.waybills.world import MERCHANT, World, parcel

_ENDS = (
    Word(Outcome.PRINTED, "device"),
    Word(Outcome.PRINTED, "sent_only"),
    Word(Outcome.FAILED, "", "labels.template_wrong"),
    Word(Outcome.DOUBTFUL, "", "agent.stopped_while_printing"),
    Word(Outcome.GIVEN_BACK),
)


async def print_some(world: World, folder: Path) -> None:
    """One job of which every sheet ends otherwise, a reprint that came out, a job that waits."""
    root = FileRootKey.open(folder / "root.key", "for tests only")
    desk = PrintDesk(world.counter, root, "https://waybills.example", sandbox=True)
    owner = AgentOwner(OwnerKind.MERCHANT, MERCHANT)
    code = await pairing.make_pairing_code(world.db, owner, "mix")
    sealing = X25519PrivateKey.generate().public_key().public_bytes_raw()
    signing = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    agent = await pairing.pair(world.db, code.text, "一号机", sealing, signing)
    await printers.say_printers(world.db, agent, [PrinterSaid("标签机")])
    taken = await world.take("zto", *(parcel(f"P{place}") for place in range(9)))
    numbers = [Asked("zto", one.number) for one in taken if isinstance(one, Taken)]
    ask = JobAsk(MERCHANT, PrinterRef(agent.agent_id, "标签机"), numbers[:7], "mix")
    await jobs.create_job(desk, ask)
    sheets = await leasing.lease_next(desk, agent, "标签机", 6)
    for sheet, word in zip(sheets, _ENDS, strict=False):
        if word.evidence:
            await sheets_life.begun(desk, agent, read_tag(sheet.sheet_id))
        await sheets_life.report(desk, agent, read_tag(sheet.sheet_id), word)
    again = JobAsk(MERCHANT, ask.printer, numbers[:1], "mix")
    await reprints.reprint(desk, again, reprints.ReprintAsk("damaged"))
    for sheet in await leasing.lease_next(desk, agent, "标签机", 3):
        await sheets_life.report(desk, agent, read_tag(sheet.sheet_id), _ENDS[0])
    await jobs.create_job(desk, JobAsk(MERCHANT, ask.printer, numbers[7:], "mix"))
    verdict = await stations.packed(desk, MERCHANT, numbers[1].number, "mix")
    assert verdict.code == "ok"
