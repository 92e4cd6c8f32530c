"""Nobody's name, phone, address or remark is left anywhere in plain: planted people pass through every kind of run,
then everything that is kept or shown is searched for them. Only the label holds a masked form."""

import asyncio
import signal
import sqlite3
from pathlib import Path

import pytest

from miandan.connectors.fake import FakeCarrier
from miandan.connectors.faults import Fault, FaultPlan
from miandan.connectors.registry import sandbox_file
from miandan.kernel.database import open_database
from miandan.kernel.failures import explained
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.settings import Settings
from miandan.vault.model import Recipient
from tests.cli.clerk import Clerk, Done, finish, states
from tests.cli.test_again import asked, stopped_while_taking
from tests.orders.tables import csv_text, order_row
from tests.vault.planted import (
    Finding,
    planted_in_database,
    planted_in_dump,
    planted_in_folder,
    planted_in_text,
)

FIRST_SERIAL = 41


def person(place: int) -> Recipient:
    """Somebody invented whose every part is found nowhere else."""
    surname, given = "欧阳司马上官夏侯诸葛"[place % 5 * 2 :][:2], "拾柒玖陌仟佰捌伍"[place % 7 :][:2]
    return Recipient(
        surname + given,
        f"1900{place:03}8642",
        province="浙江省",
        city="杭州市",
        district="余杭区",
        detail=f"鹤唳坊{place}93号栖梧院{place}幢18{place:02}室",
        buyer_remark=f"请放鹤唳坊{place}号门卫老缪处再拨1910{place:03}7531",
        seller_remark=f"熟客鹤卿{place}微信同号1920{place:03}6420",
    )


def planted_row(place: int, **changes: str) -> dict[str, str]:
    to = person(place)
    return (
        order_row(
            FIRST_SERIAL + place,
            收件人=to.name,
            收件人手机号=to.phone,
            省=to.province,
            市=to.city,
            区=to.district,
            详细地址=to.detail,
            买家留言=to.buyer_remark,
            商家备注=to.seller_remark,
        )
        | changes
    )


PEOPLE = [person(place) for place in range(1, 21)]
WORDS = {
    f"{place}.{label}": text
    for place, to in enumerate(PEOPLE, 1)
    for label, text in {
        "name": to.name,
        "phone": to.phone,
        "room": to.detail[-10:],
        "phone in remark": to.buyer_remark[-11:],
        "buyer": to.buyer_remark[:8],
        "seller": to.seller_remark[:8],
    }.items()
}
ON_PAPER = {label: text for label, text in WORDS.items() if not label.endswith(("buyer", "seller"))}
"""What a label must not show: a remark stands on it, the phones in it masked."""

SEALED_NAME = "##b3Vy4kZk9Qe2r7s+PpLmN0aXvT1uHwGcJdSfYiRoE5tB8qUjK6hM=*CAYiPgo8Zm9yZWlnbktleUJsb2NrN0EyYjlD=#1##"
REFUSED = [
    planted_row(7, 商品数量="-1"),
    planted_row(8, 主订单编号="6.93E+18"),
    planted_row(9, 收件人手机号=person(9).phone + "123"),
    planted_row(10) | {"省": "", "市": "", "区": ""},
    planted_row(11, 买家留言=person(11).buyer_remark * 600),
    planted_row(12, 订单状态="已关闭"),
    planted_row(13, 订单状态=person(13).name),
    planted_row(14, 主订单编号=person(14).name),
    planted_row(15, 商品数量=person(15).phone),
    planted_row(16),
    planted_row(16, 子订单编号="other", 收件人=person(17).name),
    planted_row(18) | {"详细地址": person(18).detail + "\x07"},
    planted_row(19) | {"收件人": SEALED_NAME},
]


async def in_the_database(clerk: Clerk) -> list[Finding]:
    async with open_database(Settings.from_environment(clerk.environment), pool_size=1) as db:
        return await planted_in_database(db, WORDS)


def assert_nobody_is_left(clerk: Clerk, server: Settings, *runs: Done) -> None:
    for run in runs:
        assert planted_in_text(run.out + run.err, WORDS) == []
    assert asyncio.run(in_the_database(clerk)) == []
    assert planted_in_dump(clerk.environment["MIANDAN_DATABASE_URL"], WORDS) == []
    assert planted_in_folder(Path(clerk.environment["MIANDAN_DATA"]), WORDS) == []
    assert planted_in_text(Layout.of(server.data).log.read_text(encoding="utf-8"), WORDS) == []
    for report in clerk.folder.glob("*.csv"):
        if not report.name.startswith("orders"):
            assert planted_in_text(report.read_text(encoding="utf-8-sig"), WORDS) == []
    for labels in clerk.folder.glob("*.pdf"):
        assert planted_in_text("".join(clerk.sheets(labels.name)), ON_PAPER) == []


def test_good_and_bad_rows_leave_nobody_in_plain(clerk: Clerk, server_settings: Settings) -> None:
    clerk.orders(*(planted_row(place) for place in range(1, 7)), *REFUSED)
    runs = [clerk.ship(), clerk.ship(), clerk.ship("--carrier", "sto", "--retake")]
    assert [run.code for run in runs] == [2, 2, 2]
    assert states(clerk.report()).count("taken") == 6
    assert clerk.pages() == 6
    assert_nobody_is_left(clerk, server_settings, *runs)
    surnames = {to.name[0] for to in PEOPLE[:6]}
    assert surnames & set("".join(clerk.sheets())), "the search above would see a person: the masked form is there"


def test_files_of_every_other_shape_leave_nobody_in_plain(clerk: Clerk, server_settings: Settings) -> None:
    to = person(1)
    shapes = {
        "no-header": csv_text([planted_row(1), planted_row(2)]).split("\r\n", 1)[1],
        "open-quote": csv_text([planted_row(1)]) + f'"{to.name},{to.phone}',
        "half": f"订单号,收件人,{to.name},{to.phone}\r\n1,{to.detail},x,y\r\n",
        "lines": f'{{"订单号": "1", "收件人": "{to.name}"\n{{"收件人": "{to.phone}"}}\n',
        "pasted": f"订单号,商品名称,数量,收货信息,备注\n7,杯子,1,{to.name} {to.phone} {to.detail},{to.buyer_remark}\n",
        "shifted": csv_text([planted_row(1)]).replace(to.detail, f"{to.detail},{to.name},{to.phone}"),
    }
    runs = []
    for name, text in shapes.items():
        (clerk.folder / f"orders-{name}").write_text(text, encoding="utf-8")
        runs.append(clerk.ship("--out", f"{name}.pdf", "--report", f"{name}.csv", orders=f"orders-{name}"))
    assert {run.code for run in runs} <= {0, 1, 2}
    assert_nobody_is_left(clerk, server_settings, *runs)


def test_live_carriers_that_fail_leave_nobody_in_plain(clerk: Clerk, server_settings: Settings) -> None:
    clerk.orders(*(planted_row(place) for place in range(1, 7)))
    clerk.run("jobs")  # makes the data folder
    books = sandbox_file(Path(clerk.environment["MIANDAN_DATA"]))
    for code, fault in (("sf", Fault.REFUSE), ("jd", Fault.DROP_ANSWER), ("ems", Fault.DROP_ANSWER)):
        carrier = FakeCarrier(code, books)
        carrier.plan(FaultPlan(fault, times=3))
        carrier.close()
    runs = [
        clerk.ship("--carrier", code, "--out", f"{code}.pdf", "--report", f"{code}.csv") for code in ("sf", "jd", "ems")
    ]
    to = person(20)
    clerk.orders(planted_row(20))
    carrier = FakeCarrier("deppon", books)
    carrier.plan(FaultPlan(Fault.REFUSE, text=f"收件人{to.name}电话{to.phone}不可达"))
    carrier.close()
    runs.append(clerk.ship("--carrier", "deppon"))
    assert "carrier.refused" in runs[-1].err
    with sqlite3.connect(books) as file:  # what it was told to say; its own books are looked through below
        file.execute("DELETE FROM fault")
    file.close()
    runs.append(clerk.run("jobs"))
    assert asked(clerk, "SELECT count(*) > 0 FROM live_intent") == [(True,)]
    assert_nobody_is_left(clerk, server_settings, *runs)


@pytest.mark.parametrize("carrier", ["zto", "sf"])
def test_crashes_leave_nobody_in_plain(clerk: Clerk, server_settings: Settings, carrier: str) -> None:
    others = [order_row(number) for number in range(100, 400)]
    clerk.orders(*(planted_row(place) for place in range(1, 7)), *others)
    with stopped_while_taking(clerk, "--carrier", carrier) as killed:
        killed.send_signal(signal.SIGKILL)
    asked(clerk, "ALTER TABLE trade_order ADD CONSTRAINT odd CHECK (shop_id = '') NOT VALID")
    clerk.orders(*(planted_row(place, 商品数量="3") for place in range(1, 7)))
    broken = clerk.ship("--carrier", carrier)
    assert (broken.code, broken.error_code) == (1, "failure.unforeseen"), broken.err
    assert "CheckViolationError" in broken.zh
    assert_nobody_is_left(clerk, server_settings, finish(killed), broken)


def test_what_nobody_foresaw_is_told_by_kind_and_place_alone() -> None:
    try:
        int(PEOPLE[0].phone + PEOPLE[0].name)
    except ValueError as error:
        refusal = explained(error)
    assert refusal.code == "failure.unforeseen"
    told = refusal.zh + refusal.next_zh + refusal.en + refusal.next_en
    assert "ValueError" in told
    assert "test_no_person.py" in told
    assert planted_in_text(told, WORDS) == []


def test_the_search_itself_sees_a_person_in_every_spelling(tmp_path: Path) -> None:
    to = PEOPLE[3]
    (tmp_path / "leak").write_bytes(f"…{to.phone}…{to.detail}".encode("gb18030"))
    assert {finding.word for finding in planted_in_folder(tmp_path, WORDS)} == {"4.phone", "4.room"}
