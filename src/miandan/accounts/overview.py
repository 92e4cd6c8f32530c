"""What an operator asks of all merchants at once, and what stands behind an id that was typed without its merchant.

For the platform's own people: a merchant's door names its merchant, so that nobody learns of another's.
"""

from uuid import UUID

from miandan.accounts import application_queries, queries, share_queries, supply_queries
from miandan.accounts.model import Account, Application, ApplicationState, Sender, ShareGrant
from miandan.accounts.supply_model import SupplyRelation
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal


async def find_account(db: Reads, account_id: UUID) -> Account:
    """Raises account.unknown."""
    account = await queries.account_anywhere(db, account_id)
    if account is None:
        raise Refusal("account.unknown", account=str(account_id))
    return account


async def accounts(db: Reads, merchant_id: int | None = None, carrier: str | None = None) -> list[Account]:
    """Oldest first; of every merchant and carrier where none is named."""
    return await queries.all_accounts(db, merchant_id, carrier)


async def find_application(db: Reads, application_id: UUID) -> Application:
    """Raises application.unknown."""
    application = await application_queries.by_id(db, application_id)
    if application is None:
        raise Refusal("application.unknown", application=str(application_id))
    return application


async def applications(db: Reads, merchant_id: int | None = None, carrier: str | None = None) -> list[Application]:
    """Oldest first, decided ones too."""
    return await application_queries.of_all(db, merchant_id, carrier)


async def same_application(
    db: Reads,
    merchant_id: int,
    carrier: str,
    ship_from: tuple[Sender, ...],
    *,
    branch_code: str,
    settlement_code: str,
    brand: str,
) -> Application | None:
    """An application for these very things that waits or was approved; after a rejection one may apply again."""
    wanted = (branch_code, settlement_code, brand, set(ship_from))
    for one in reversed(await applications(db, merchant_id, carrier)):
        given = (one.branch_code, one.settlement_code, one.brand, set(one.ship_from))
        if given == wanted and one.state is not ApplicationState.REJECTED:
            return one
    return None


async def find_grant(db: Reads, grant_id: UUID) -> ShareGrant:
    """Raises share.unknown."""
    grant = await share_queries.grant_anywhere(db, grant_id)
    if grant is None:
        raise Refusal("share.unknown", grant=str(grant_id))
    return grant


async def grants(db: Reads, merchant_id: int | None = None) -> list[ShareGrant]:
    """What a merchant lent or was lent, or all there is; oldest first."""
    return await share_queries.all_grants(db, merchant_id)


async def find_relation(db: Reads, relation_id: UUID) -> SupplyRelation:
    """Raises supply.unknown."""
    relation = await supply_queries.relation_anywhere(db, relation_id)
    if relation is None:
        raise Refusal("supply.unknown", relation=str(relation_id))
    return relation


async def relations(db: Reads, merchant_id: int | None = None) -> list[SupplyRelation]:
    """Those of a merchant as seller or supplier, or all there are; oldest first, ended ones too."""
    return await supply_queries.all_relations(db, merchant_id)
