"""Hides the recipient of a number in its scans, once the number's waybill is known; done inside the vault.

What a carrier says names the recipient in ways that no rule foresees, so what it said is shown to nobody before. A
recipient that was shredded, or that only another platform knows, cannot be looked for: such scans are never shown
in the carrier's words.
"""

from datetime import datetime

from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.tracking import queries
from miandan.tracking.model import Stand
from miandan.vault.service import Vault
from miandan.vault.veils import without_recipient
from miandan.waybills.model import Waybill


async def clean(tx: Transaction, vault: Vault, stand: Stand, waybill: Waybill, at: datetime) -> None:
    """Rewrite what the scans of a number say, without its recipient; nothing where nobody knows who that is.

    The caller holds the number's row, so every scan that comes meanwhile brings a message of its own.
    """
    carrier, number = stand.carrier, stand.number
    found = await queries.uncleaned_for_update(tx, carrier, number)
    words = [getattr(scan, name) for scan, _ in found for name in queries.CLEANED]
    hidden = await _without_recipient(vault, waybill, [*words, stand.last_site, stand.last_city])
    if hidden is None:
        return
    phone, width = queries.CLEANED.index("courier_phone"), len(queries.CLEANED)
    for place in range(phone, len(words), width):
        if hidden[place] != words[place]:
            hidden[place] = ""  # whoever was called a courier is the recipient
    said = [(key, hidden[place * width : (place + 1) * width]) for place, (_, key) in enumerate(found)]
    if said:
        await queries.clean(tx, carrier, number, said, at)
    await queries.clean_stand(tx, carrier, number, hidden[-2], hidden[-1], at)


async def _without_recipient(vault: Vault, waybill: Waybill, texts: list[str]) -> list[str] | None:
    if waybill.sealed.key is None:
        return None
    try:
        keys = await vault.keys_for(waybill.ref.merchant_id, [waybill.sealed])
        return without_recipient(keys, waybill.sealed, waybill.order_ref, texts)
    except Refusal:  # shredded meanwhile, or damaged: the carriage must be kept all the same
        return None
