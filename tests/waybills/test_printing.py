"""Labels of taken parcels: masked, counted, children included, and a file that is whole or not there."""

import asyncio
import errno
from pathlib import Path

import pytest
from msgspec import structs

from miandan.accounts import service as accounts
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.vault.model import Recipient
from miandan.waybills import counter as counters
from miandan.waybills import label, lives
from miandan.waybills.model import NumberRef, Taken
from tests.labels.judges import texts
from tests.waybills.conftest import Heart
from tests.waybills.stall import SENDER, Stall
from tests.waybills.world import SOMEBODY, parcel

PLACED = structs.replace(SOMEBODY, phone="19012345678", buyer_remark="放门口，打 19087654321")


async def print_pdf(stall: Stall, path: Path, *refs: NumberRef) -> None:
    await label.print_pdf(stall.world.counter, refs, path, now(), actor="clerk-1", sandbox=True)


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def labels(stall: Stall, *refs: NumberRef) -> list[LabelData]:
    waybills = [await stall.waybill(ref) for ref in refs]
    return await label.labels_of(stall.world.counter, waybills, now(), actor="clerk-1", sandbox=True)


async def taken(
    stall: Stall, order: str, recipient: Recipient = PLACED, carrier: str = "yto", pieces: int = 1
) -> Taken:
    return await stall.one(carrier, parcel(order, recipient=recipient, pieces=pieces))


async def reveals(stall: Stall) -> int:
    return await stall.count(
        "SELECT count(*) FROM audit_entry WHERE chain = 'merchant:' || $1::bigint AND purpose = 'print_full'"
    )


async def test_recipient_and_sender_are_masked_and_nobody_is_revealed(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1")
        await print_pdf(stall, tmp_path / "labels.pdf", one.ref)
        [page] = texts(tmp_path / "labels.pdf")
        [shown] = await labels(stall, one.ref)
        assert (shown.recipient_name[0], shown.recipient_phone) == ("测", "1******5678")
        assert one.number in page
        for hidden in (PLACED.name, PLACED.phone, "19087654321", "301室", SENDER.contact):
            assert hidden not in page
        assert await reveals(stall) == 0


async def test_the_sort_code_stands_on_the_label_and_its_absence_too(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        sorted_, unsorted = await taken(stall, "1"), await taken(stall, "2", structs.replace(PLACED, division_code=""))
        assert (sorted_.sorted, unsorted.sorted) == (True, False)
        await print_pdf(stall, tmp_path / "labels.pdf", sorted_.ref, unsorted.ref)
        first, second = texts(tmp_path / "labels.pdf")
        assert (await stall.waybill(sorted_.ref)).route.sort_code.replace(" ", "") in first
        assert "未分拣" in second
        assert "未分拣" not in first


async def test_a_phone_that_another_platform_sealed_is_printed_as_sealed(heart: Heart, tmp_path: Path) -> None:
    sealed = "$1SdeXa+2RLzKqoNyHtGDtcXxwLJKMeuQvFhpO5yNo1c=$lqCEUYX5iXh9ZvYBAOfUT4CvOQ8Uvr$1$$"
    async with heart.stall() as stall:
        one = await taken(stall, "1", structs.replace(PLACED, phone=sealed))
        await print_pdf(stall, tmp_path / "labels.pdf", one.ref)
        [page] = texts(tmp_path / "labels.pdf")
        assert "密文" in page
        assert sealed[1:20] not in page


async def test_the_full_label_is_printed_only_where_it_was_chosen_and_is_a_reveal_on_record(
    heart: Heart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FRESH_SECONDS", -1.0)
    async with heart.stall() as stall:
        account = await stall.account("yto")
        await accounts.choose_full_label(stall.world.db, stall.merchant_id, account.account_id, "clerk-1")
        full, masked = await taken(stall, "1"), await taken(stall, "2", carrier="sto")
        await print_pdf(stall, tmp_path / "labels.pdf", full.ref, masked.ref)
        first, second = texts(tmp_path / "labels.pdf")
        assert PLACED.name in first
        assert PLACED.phone in first
        assert PLACED.name not in second
        assert await reveals(stall) == 1


async def test_every_further_print_says_which_copy_it_is(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one, other = await taken(stall, "1"), await taken(stall, "2")
        await print_pdf(stall, tmp_path / "a.pdf", one.ref)
        await print_pdf(stall, tmp_path / "b.pdf", one.ref, other.ref)
        assert [(await stall.waybill(each.ref)).copies for each in (one, other)] == [2, 1]
        assert [each.copy for each in await labels(stall, one.ref, other.ref)] == [2, 1]
        [first], (again, fresh) = texts(tmp_path / "a.pdf"), texts(tmp_path / "b.pdf")
        assert ["补打第2份" in page for page in (first, again, fresh)] == [False, True, False]


async def test_prints_at_the_same_moment_count_every_copy(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1")
        await asyncio.gather(*(print_pdf(stall, tmp_path / f"{i}.pdf", one.ref) for i in range(12)))
        assert (await stall.waybill(one.ref)).copies == 12
        assert len({texts(tmp_path / f"{i}.pdf")[0] for i in range(12)}) == 12


async def test_a_number_named_twice_is_printed_once(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1", pieces=2)
        child = structs.replace(one.ref, number=one.children[0])
        await print_pdf(stall, tmp_path / "labels.pdf", one.ref, child, one.ref)
        assert len(texts(tmp_path / "labels.pdf")) == 2
        assert (await stall.waybill(child)).copies == 1


async def test_a_label_names_its_orders_its_childrens_too(heart: Heart) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1", pieces=2)
        child = structs.replace(one.ref, number=one.children[0])
        assert [shown.order_ids for shown in await labels(stall, one.ref, child)] == [("1",)] * 2


@pytest.mark.parametrize("carrier", ["yto", "jd"])
async def test_children_follow_their_parent(heart: Heart, tmp_path: Path, carrier: str) -> None:
    async with heart.stall() as stall:
        one, other = await taken(stall, "1", carrier=carrier, pieces=3), await taken(stall, "2", carrier=carrier)
        await print_pdf(stall, tmp_path / "labels.pdf", one.ref, other.ref)
        pages = texts(tmp_path / "labels.pdf")
        for number, page in zip((one.number, *one.children, other.number), pages, strict=True):
            assert number in page
        first, others = {"yto": ("母件", "子件"), "jd": ("包裹", "包裹")}[carrier]
        assert f"{first}1/3" in pages[0]
        assert [f"{others}{piece}/3" in pages[piece - 1] for piece in (2, 3)] == [True] * 2
        assert [f"{place}/4" in pages[place - 1] for place in (1, 2, 3, 4)] == [True] * 4


@pytest.mark.parametrize("how", ["cancelled", "superseded"])
async def test_a_void_number_is_never_printed(heart: Heart, tmp_path: Path, how: str) -> None:
    async with heart.stall() as stall:
        void, live = await taken(stall, "1"), await taken(stall, "2")
        if how == "cancelled":
            await stall.cancel(void)
        else:
            await stall.one("sto", parcel("1", recipient=PLACED), retake=True)
        with pytest.raises(Refusal, match=r"waybill\.not_live"):
            await print_pdf(stall, tmp_path / "labels.pdf", live.ref, void.ref)
        assert files_in(tmp_path) == []
        assert (await stall.waybill(live.ref)).copies == 0


async def test_nothing_and_unknown_numbers_are_refused(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1")
        with pytest.raises(Refusal, match=r"labels\.nothing_to_print"):
            await print_pdf(stall, tmp_path / "labels.pdf")
        with pytest.raises(Refusal, match=r"waybill\.unknown"):
            await print_pdf(stall, tmp_path / "labels.pdf", one.ref, structs.replace(one.ref, number="YT0009999999997"))
        assert files_in(tmp_path) == []


async def test_a_full_disk_leaves_the_old_file_whole_and_counts_nothing(
    heart: Heart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1")
        path = tmp_path / "labels.pdf"
        await print_pdf(stall, path, one.ref)
        before = path.read_bytes()

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as disk:
            disk.setattr("miandan.labels.whole_file.os.fsync", full)
            with pytest.raises(Refusal, match=r"labels\.disk_full"):
                await print_pdf(stall, path, one.ref)
        assert path.read_bytes() == before
        assert files_in(tmp_path) == [path.name]
        assert (await stall.waybill(one.ref)).copies == 1


async def test_an_updated_document_is_what_is_printed(heart: Heart, tmp_path: Path) -> None:
    async with heart.stall() as stall:
        one = await taken(stall, "1", pieces=2)
        await lives.update(
            stall.world.counter,
            stall.merchant_id,
            "yto",
            one.number,
            recipient=structs.replace(PLACED, name="改名", phone="19055555500"),
        )
        await print_pdf(stall, tmp_path / "labels.pdf", one.ref)
        for page in texts(tmp_path / "labels.pdf"):
            assert "1******5500" in page
            assert "1******5678" not in page
