"""What carriers do with a token of their own: push scans, read whom to deliver to, decide applications, cancel."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from miandan.access.model import Scope, SubjectKind
from miandan.accounts import carrier_decisions
from miandan.api.errors import problem_of
from miandan.api.models.carriers import ApplicationList, ApplicationOut, Approved, ApproveIn, RejectIn
from miandan.api.models.fields import moment_of
from miandan.api.models.orders import RecipientOut
from miandan.api.models.scans import ByCarrierIn, EndedByCarrier, ScanIn, ScanRefused, ScansIn, ScansKept
from miandan.api.routes.given import PREFIX, LetIn, NumberPath
from miandan.api.security import Guarded, needs
from miandan.kernel.errors import Refusal
from miandan.tracking.model import Scan
from miandan.tracking.service import cancelled_by_carrier, push, spelled
from miandan.tracking.statuses import action_of
from miandan.waybills.lives import read_for_delivery

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["快递公司 carriers' own"])
_CARRIER = needs(Scope.CARRIER, SubjectKind.CARRIER)
ApplicationPath = Annotated[UUID, Path()]


@router.post("/scans", summary="推送轨迹 Push scans", **_CARRIER)
async def push_scans(call: LetIn, said: ScansIn) -> ScansKept:
    """Committed before the answer. Late, repeated and crosswise scans do no harm; a refused one stops no other."""
    scans, places, refused = [], [], []
    for place, one in enumerate(said.scans):
        try:
            scans.append(_scan(call.carrier, one))
            places.append(place)
        except Refusal as refusal:
            refused.append((place, refusal))
    kept = await push(call.hall.db, scans)
    refused += [(places[one.place], one.refusal) for one in kept.refused]
    return ScansKept(
        accepted=kept.accepted,
        repeated=kept.repeated,
        unread=kept.unread,
        refused=[
            ScanRefused(place=place, problem=problem_of(refusal)) for place, refusal in sorted(refused, key=_place)
        ],
    )


@router.get("/deliveries/{number}", summary="派送收件人 Whom to deliver to", **_CARRIER)
async def delivery(call: LetIn, number: NumberPath) -> RecipientOut:
    """The recipient of the carrier's own live number in plain, until some days after signing; every read is noted."""
    spelt = spelled(call.carrier, number)
    return RecipientOut.of(await read_for_delivery(call.hall.counter, call.carrier, spelt, call.actor))


@router.post("/numbers/{number}/cancel", summary="快递公司取消 Cancelled by the carrier", **_CARRIER)
async def cancelled(call: LetIn, number: NumberPath, said: ByCarrierIn) -> EndedByCarrier:
    """The carrier has cancelled the number; its unit waits, its reason stands in the route."""
    ended = await cancelled_by_carrier(call.hall.db, call.carrier, number, said.reason)
    return EndedByCarrier(number=spelled(call.carrier, number), ended=ended)


@router.get("/applications", summary="待审核的开通申请 Undecided applications", **_CARRIER)
async def applications(call: LetIn) -> ApplicationList:
    """What the carrier has to decide, oldest first, 500 at most."""
    found = await carrier_decisions.undecided_of(call.hall.db, call.carrier)
    return ApplicationList(applications=[ApplicationOut.of(one) for one in found])


@router.post("/applications/{application_id}/approve", summary="批准 Approve", **_CARRIER)
async def approve(call: LetIn, application_id: ApplicationPath, said: ApproveIn) -> Approved:
    """Open the account with the addresses applied for. Said again it changes nothing."""
    account = await carrier_decisions.approve(
        call.hall.db,
        call.carrier,
        application_id,
        carrier_reads=said.carrier_reads,
        unit_limit=said.unit_limit,
    )
    return Approved(application_id=str(application_id), account_id=str(account.account_id), state=account.state)


@router.post("/applications/{application_id}/reject", summary="驳回 Reject", **_CARRIER)
async def reject(call: LetIn, application_id: ApplicationPath, said: RejectIn) -> ApplicationOut:
    """Decline and say why; the merchant may apply again."""
    return ApplicationOut.of(await carrier_decisions.reject(call.hall.db, call.carrier, application_id, said.reason))


def _scan(carrier: str, said: ScanIn) -> Scan:
    """In our words, or in the carrier's own, read by its table and by the text. Raises scan.no_time."""
    happened_at = moment_of(said.happened_at)
    if happened_at is None:
        raise Refusal("scan.no_time")
    action = said.action or action_of(carrier, said.code, said.sub_code, said.text)
    same = said.model_dump(exclude={"action", "code", "sub_code", "happened_at"})
    same |= {"namespace": carrier, "raw_code": said.code, "raw_sub_code": said.sub_code}
    return Scan(carrier, action=action, happened_at=happened_at, **same)


def _place(one: tuple[int, Refusal]) -> int:
    return one[0]
