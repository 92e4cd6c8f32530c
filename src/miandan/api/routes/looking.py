"""What a caller looks up: carriers, accounts, where a parcel is, its own calls; and recipients in plain, on record."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from miandan.access.calls import find_call
from miandan.access.model import Scope
from miandan.accounts.netsites import netsites_of
from miandan.api.models.access import CallOut
from miandan.api.models.carriers import AccountList, AccountOut, CarrierList, CarrierOut
from miandan.api.models.fields import CARRIER_CODE
from miandan.api.models.orders import RevealedList, RevealIn
from miandan.api.models.scans import RouteTravelled, ScanOut
from miandan.api.revealing import reveal_fields
from miandan.api.routes.given import PREFIX, CarrierPath, LetIn, NumberPath, number_of
from miandan.api.security import Guarded, needs
from miandan.carriers.catalogue import catalogue
from miandan.kernel.errors import Refusal
from miandan.tracking.service import route_of_merchant

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["查询 looking up"])


@router.get("/carriers", summary="快递公司 Carriers", **needs(None, None))
async def carriers() -> CarrierList:
    """Every carrier with its code, products and value-added services."""
    return CarrierList(carriers=[CarrierOut.of(one) for one in catalogue()])


@router.get("/accounts", summary="网点账号 Accounts", **needs(Scope.WAYBILLS))
async def accounts(call: LetIn, carrier: Annotated[str | None, Query(pattern=CARRIER_CODE)] = None) -> AccountList:
    """The merchant's accounts with branch, units left and approved addresses to send from."""
    code = None if carrier is None else catalogue().get(carrier).code
    return AccountList(accounts=[AccountOut.of(one) for one in await netsites_of(call.hall.db, call.merchant_id, code)])


@router.get("/waybills/{carrier}/{number}/scans", summary="查轨迹 Scans of a number", **needs(Scope.TRACK))
async def scans(call: LetIn, carrier: CarrierPath, number: NumberPath) -> RouteTravelled:
    """Where the parcel has been, oldest first, once it is stated as shipped."""
    ref = await number_of(call, carrier, number)
    found = await route_of_merchant(call.hall.db, call.merchant_id, ref.carrier, ref.number)
    return RouteTravelled(carrier=ref.carrier, number=ref.number, scans=[ScanOut.of(one) for one in found])


@router.post("/reveals", summary="解密收件人 Reveal recipients", **needs(Scope.REVEAL))
async def reveals(call: LetIn, asked: RevealIn) -> RevealedList:
    """Fields of recipients in plain, with a purpose, within the app's daily budget, written down first. At most 50
    fields in one call; the same field again within the hour is free."""
    return RevealedList(orders=await reveal_fields(call, asked))


@router.get("/calls/{log_id}", summary="查调用 Look a call up", **needs(None, None))
async def read_call(call: LetIn, log_id: Annotated[str, Path(pattern=r"^[0-9A-F]{20,40}$")]) -> CallOut:
    """How a call of this app was answered; it shows about a second after its answer."""
    note = await find_call(call.hall.db, log_id)
    if note.app_key != call.app:
        raise Refusal("access.call_unknown")
    return CallOut.of(note)
