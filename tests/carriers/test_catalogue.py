"""Carriers are found by whatever people and platforms call them, and refused with a way out."""

import subprocess
import sys
from datetime import date

import pytest

from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import CancelRule, ChildNumbers, NumberKind, NumberSource
from miandan.kernel.errors import Refusal
from tests.pace import least_seconds


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("运达", "yunda"),
        ("运达快递", "yunda"),
        ("圆通速递", "yto"),
        ("园通", "yto"),
        ("极兔", "jt"),
        ("J&T Express", "jt"),
        ("顺丰快递", "sf"),
        ("顺风", "sf"),
        ("丰网快递", "fengwang"),
        ("邮政EMS", "ems"),
        ("邮政", "post"),
        ("ＺＴＯ", "zto"),
        (" 中通 快递 ", "zto"),
        ("中通国际", "zto_intl"),
        ("zhongtong", "zto"),
        ("debangkuaidi", "deppon"),
        ("POSTB", "post"),
        ("zto_intl", "zto_intl"),
    ],
)
def test_a_carrier_is_found_by_name_misspelling_or_code(name: str, code: str) -> None:
    assert catalogue().find(name).code == code


@pytest.mark.parametrize(
    ("namespace", "text", "code"),
    [
        ("doudian", "zhongtong", "zto"),
        ("doudian", "1021", "jt"),
        ("doudian", "yzdsbk", "post"),
        ("cainiao", "LE04284890", "jd"),
        ("cainiao", "HTKY", "jt"),
        ("pdd", "44", "sf"),
        ("kdniao", "yd", "yunda"),
        ("kuaidi100", "debangwuliu", "deppon"),
        ("doudian", "韵达快递", "yunda"),
    ],
)
def test_a_namespace_brings_its_own_codes_and_ids(namespace: str, text: str, code: str) -> None:
    assert catalogue().find(text, namespace).code == code


def test_a_number_that_is_an_id_in_some_namespace_means_nothing_without_it() -> None:
    with pytest.raises(Refusal):
        catalogue().find("15")


def test_our_own_codes_mean_nothing_inside_a_foreign_namespace() -> None:
    with pytest.raises(Refusal):
        catalogue().find("post", "doudian")


@pytest.mark.parametrize("name", ["中通快运", "百世快递", "中通快第", "yundaa"])
def test_an_unknown_name_is_refused_with_the_near_ones(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        catalogue().find(name)
    assert refused.value.code == "carrier.unknown"
    assert name in refused.value.zh
    near = {"中通快运": "zto", "百世快递": "jt", "中通快第": "zto", "yundaa": "yunda"}[name]
    assert f"（{near}）" in refused.value.next_zh
    assert f"({near})" in refused.value.next_en


@pytest.mark.parametrize("name", ["", "   ", "天外飞仙"])
def test_a_name_that_resembles_nothing_is_refused_with_the_whole_list(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        catalogue().find(name)
    assert refused.value.next_zh.count("（") == 12


def test_a_person_in_the_carrier_column_does_not_get_into_the_refusal() -> None:
    for text in ("欧阳明月", "欧阳明月19912345678", "中通19912345678"):
        with pytest.raises(Refusal) as refused:
            catalogue().find(text)
        assert "欧阳" not in str(refused.value) + refused.value.zh
        assert "1234" not in str(refused.value) + refused.value.zh


def test_fengwang_takes_no_new_accounts_but_its_parcels_can_be_read() -> None:
    fengwang = catalogue().find("丰网速运")
    assert fengwang.takes_new_accounts(date(2023, 5, 12))
    assert not fengwang.takes_new_accounts(date(2023, 5, 13))
    assert fengwang.accepts("FW123456789012")
    with pytest.raises(Refusal) as refused:
        catalogue().find_for_new_account("丰网速运")
    assert refused.value.code == "carrier.retired"
    assert "2023-05-12" in refused.value.zh
    assert refused.value.next_en


def test_the_others_take_new_accounts() -> None:
    assert [c.code for c in catalogue() if not c.takes_new_accounts()] == ["fengwang"]
    assert catalogue().find_for_new_account("中通").code == "zto"


def test_a_carrier_without_a_rule_says_so() -> None:
    with pytest.raises(Refusal) as refused:
        catalogue().get("zto_intl").rule()
    assert refused.value.code == "carrier.no_rule"
    assert refused.value.zh


def test_child_and_return_numbers_follow_the_standard_rule_where_they_have_none() -> None:
    sf = catalogue().get("sf")
    assert sf.rule(NumberKind.CHILD) is sf.rule()
    assert sf.rule(NumberKind.RETURN) is sf.rule()


def test_a_carrier_is_told_its_code_and_never_a_former_one() -> None:
    assert catalogue().get("deppon").code_in("kuaidi100").code == "debangkuaidi"
    assert catalogue().get("jt").code_in("cainiao").code == "JITU"
    assert catalogue().get("post").code_in("doudian", product="ecommerce").id == "1109"
    with pytest.raises(Refusal) as refused:
        catalogue().get("zto_intl").code_in("pdd")
    assert refused.value.code == "carrier.no_code"


def test_packages_of_jd_carry_the_number_of_the_order() -> None:
    jd = catalogue().get("jd")
    assert jd.terms().child_numbers is ChildNumbers.SUFFIX
    assert jd.child_number("JDVC30380993329", 2, 3) == "JDVC30380993329-2-3-"
    assert jd.accepts("JDVC30380993329-2-3-")
    assert jd.whole_number("JDVC30380993329-2-3-") == "JDVC30380993329"
    assert jd.barcode_text("JDVC30380993329") == "JDVC30380993329-1-1-"
    assert jd.barcode_text("JDVC30380993329-2-3-", 3) == "JDVC30380993329-2-3-"
    assert not jd.accepts("JDVC30380993329-4-3-")
    for index in (0, 4):
        with pytest.raises(ValueError, match="no parcel"):
            jd.child_number("JDVC30380993329", index, 3)


def test_children_of_the_others_have_numbers_of_their_own() -> None:
    sf = catalogue().get("sf")
    assert sf.barcode_text("SF7444496931331") == "SF7444496931331"
    assert not sf.accepts("SF7444496931331-1-2-")
    with pytest.raises(ValueError, match="own"):
        sf.child_number("SF7444496931331", 1, 2)


def test_terms_are_those_of_the_sources() -> None:
    zto, sf = catalogue().get("zto").terms(), catalogue().get("sf").terms()
    assert (sf.waiting_days, sf.idle_days) == (15, 30)
    assert zto.cancel is CancelRule.NEVER
    assert sf.cancel is CancelRule.BEFORE_PICKUP
    assert catalogue().get("zto_intl").terms().number_source is NumberSource.LIST


@pytest.mark.parametrize(
    ("number", "carriers"),
    [
        ("73100196611386", ["zto"]),
        ("YT2819014489339", ["yto"]),
        ("SF7444496931331", ["sf"]),
        ("jt2099306666983", ["jt"]),
        ("UT0000755750756", ["jt"]),
        ("JDVC30380993329-1-1-", ["jd"]),
        ("DPK6234021100151", ["deppon"]),
        ("777031922725111", ["yunda", "sto"]),
        ("9430684408206", ["yunda", "post", "sto", "ems"]),
        ("nothing", []),
    ],
)
def test_a_number_is_recognised_as_far_as_its_shape_says(number: str, carriers: list[str]) -> None:
    assert [carrier.code for carrier in catalogue().recognise(number)] == carriers


def test_the_tables_are_read_in_a_few_milliseconds() -> None:
    def read() -> None:
        catalogue.cache_clear()
        catalogue()

    assert least_seconds(read) < 0.015


def test_importing_the_catalogue_reads_nothing() -> None:
    program = (
        "import pathlib; pathlib.Path.read_text = None\n"
        "import miandan.carriers.catalogue, miandan.carriers.offers\n"
        "import sys; assert 'difflib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
