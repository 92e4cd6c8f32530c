"""Stations of the packing table: scan to print, scan to check, packed, stopped, weighed."""

from fastapi import APIRouter

from miandan.access.model import Scope
from miandan.api.models.printing import PrintJobMade
from miandan.api.models.stations import (
    ScanIn,
    ScanToPrintIn,
    StoppedList,
    StoppedOut,
    UnpackedOut,
    VerdictOut,
    WeighIn,
    WeightOut,
)
from miandan.api.routes.given import PREFIX, LetIn
from miandan.api.routes.print_jobs import made_of
from miandan.api.security import Guarded, needs
from miandan.printing import stations

router = APIRouter(prefix=f"{PREFIX}/stations", route_class=Guarded, tags=["打印 printing"])


@router.post("/scan-to-print", summary="扫描打印 Scan to print", **needs(Scope.PRINT))
async def scan_to_print(call: LetIn, scan: ScanToPrintIn) -> PrintJobMade:
    """The label of the scanned number, alone. One that was printed is turned away: it wants a reprint."""
    made = await stations.scan_to_print(
        call.hall.printing, call.merchant_id, scan.text, scan.target, call.actor, shop_id=call.shop_id
    )
    return await made_of(call, made)


@router.post("/check", summary="扫描核对 Scan to check", **needs(Scope.PRINT))
async def check(call: LetIn, scan: ScanIn) -> VerdictOut:
    """Whether the parcel with this label may be closed. A look: nothing is written, and a stop is an answer too."""
    return VerdictOut.of(
        await stations.scan_to_check(call.hall.printing, call.merchant_id, scan.text, shop_id=call.shop_id)
    )


@router.post("/pack", summary="打包 Pack", **needs(Scope.PRINT))
async def pack(call: LetIn, scan: ScanIn) -> VerdictOut:
    """Check the parcel and mark it as packed in one go. The same again within two minutes is answered `go` once more;
    later, or by somebody else, the answer is that it was packed."""
    return VerdictOut.of(
        await stations.packed(call.hall.printing, call.merchant_id, scan.text, call.actor, shop_id=call.shop_id)
    )


@router.post("/unpack", summary="拆包 Unpack", **needs(Scope.PRINT))
async def unpack(call: LetIn, scan: ScanIn) -> UnpackedOut:
    """Open a packed parcel again, so that it can be packed anew; any copy of its label will do."""
    was_packed = await stations.unpack(call.hall.printing, call.merchant_id, scan.text, shop_id=call.shop_id)
    return UnpackedOut(was_packed=was_packed)


@router.get("/stopped", summary="被拦下的包裹 Stopped parcels", **needs(Scope.PRINT))
async def stopped(call: LetIn) -> StoppedList:
    """Printed parcels of this shop that must not go out now, the latest first, 500 at most."""
    found = await stations.stopped(call.hall.db, call.merchant_id, call.shop_id)
    return StoppedList(parcels=[StoppedOut.of(one) for one in found])


@router.post("/let-go", summary="放行 Let go", **needs(Scope.PRINT))
async def let_go(call: LetIn, scan: ScanIn) -> VerdictOut:
    """A person lets a stopped parcel go. The answer is that of a check: what still stands in the way of its order stops
    it again."""
    desk = call.hall.printing
    await stations.let_go(desk, call.merchant_id, scan.text, call.actor, shop_id=call.shop_id)
    return VerdictOut.of(await stations.scan_to_check(desk, call.merchant_id, scan.text, shop_id=call.shop_id))


@router.post("/weigh", summary="称重 Weigh", **needs(Scope.PRINT))
async def weigh(call: LetIn, scan: WeighIn) -> WeightOut:
    """Write down what the parcel weighs; the last weight counts."""
    weight = await stations.weigh(
        call.hall.printing, call.merchant_id, scan.text, scan.grams, call.actor, scan.source, shop_id=call.shop_id
    )
    return WeightOut.of(weight)
