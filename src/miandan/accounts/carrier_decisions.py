"""A carrier's own answer to an application: it names the application only, and may say the same thing twice."""

from uuid import UUID

from miandan.accounts import application_queries, applications
from miandan.accounts.model import Account, Application, ApplicationState, Supply
from miandan.accounts.service import find_account
from miandan.kernel.database import Database, Reads
from miandan.kernel.errors import Refusal

NO_REASON = "快递公司未说明原因"

MOST_SHOWN = 500
"""Applications that a list shows."""


async def application_at(db: Reads, carrier: str, application_id: UUID) -> Application:
    """An application to this carrier (our code), whoever the merchant is. Raises application.unknown."""
    application = await application_queries.by_id(db, application_id)
    if application is None or application.carrier != carrier:
        raise Refusal("application.unknown", application=str(application_id))
    return application


async def undecided_of(db: Reads, carrier: str) -> list[Application]:
    """What a carrier's branches have to decide, oldest first, MOST_SHOWN at most; decided ones make room for others."""
    return await application_queries.undecided_of(db, carrier, MOST_SHOWN)


async def approve(
    db: Database,
    carrier: str,
    application_id: UUID,
    *,
    carrier_reads: bool,
    supply: Supply | None = None,
    unit_limit: int | None = None,
) -> Account:
    """`applications.approve` in the carrier's name. Said again it changes nothing.

    Raises application.unknown, application.decided where it was rejected, carrier.retired.
    """
    application = await application_at(db, carrier, application_id)
    try:
        return await applications.approve(
            db,
            application.merchant_id,
            application_id,
            carrier_reads=carrier_reads,
            supply=supply,
            unit_limit=unit_limit,
        )
    except Refusal as refusal:
        decided = await application_at(db, carrier, application_id)
        if refusal.code != "application.decided" or decided.account_id is None:
            raise
        return await find_account(db, decided.merchant_id, decided.account_id)


async def reject(db: Database, carrier: str, application_id: UUID, reason: str) -> Application:
    """`applications.reject` in the carrier's name; carriers often give no reason. Said again it changes nothing.

    Raises application.unknown, application.decided where it was approved.
    """
    application = await application_at(db, carrier, application_id)
    try:
        return await applications.reject(db, application.merchant_id, application_id, reason.strip() or NO_REASON)
    except Refusal as refusal:
        decided = await application_at(db, carrier, application_id)
        if refusal.code != "application.decided" or decided.state is not ApplicationState.REJECTED:
            raise
        return decided
