"""The schema of the carrier tables: every row dated and sourced, nothing said twice for one day."""

import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

import miandan.carriers
from miandan.carriers import offers
from miandan.carriers.catalogue import catalogue, plain, read_rows
from miandan.carriers.dated import Confidence, Dated
from miandan.carriers.model import Code, NameKind, NumberKind

DATA = Path(miandan.carriers.__file__).parent / "data"
TWELVE = ["zto", "yto", "yunda", "sto", "jt", "post", "ems", "sf", "jd", "deppon", "fengwang", "zto_intl"]
NAMESPACES = {"doudian", "cainiao", "pdd", "jd", "kuaidi100", "kdniao"}


def tables() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(DATA.glob("*.toml")):
        if file.stem != "sources":
            for rows in tomllib.loads(file.read_text(encoding="utf-8")).values():
                yield from ((file.stem, row) for row in rows)


def sources() -> set[str]:
    return set(tomllib.loads((DATA / "sources.toml").read_text(encoding="utf-8"))["source"])


def overlap(one: Dated, other: Dated) -> bool:
    last = date.max
    return one.valid_from <= (other.valid_until or last) and other.valid_from <= (one.valid_until or last)


def clashes(rows: list[Dated], key: Callable[[Any], object]) -> list[object]:
    return [key(one) for one, other in combinations(rows, 2) if key(one) == key(other) and overlap(one, other)]


def test_every_row_says_since_when_from_where_and_how_sure() -> None:
    known = sources()
    for file, row in tables():
        assert isinstance(row["valid_from"], date), (file, row)
        assert row.get("valid_until", date.max) >= row["valid_from"], (file, row)
        assert row["source"] in known, (file, row)
        assert row["confidence"] in set(Confidence), (file, row)


def test_every_source_is_used() -> None:
    assert {row["source"] for _, row in tables()} == sources()


def test_what_is_recalled_never_claims_to_have_been_seen() -> None:
    for file, row in tables():
        if row["source"] == "recall":
            assert row["confidence"] == "memory", (file, row)
        if row["source"] == "own":
            assert row["confidence"] == "inferred", (file, row)


def test_the_twelve_carriers_of_the_announcement_are_there_once() -> None:
    assert [carrier.code for carrier in catalogue()] == TWELVE


def test_every_row_belongs_to_a_carrier() -> None:
    for file, row in tables():
        if file != "carriers":
            assert row["carrier"] in {*TWELVE, "*"}, (file, row)


def test_a_code_of_a_namespace_means_one_carrier_on_any_day() -> None:
    codes = [code for carrier in catalogue() for code in carrier.codes]
    assert {code.namespace for code in codes} == NAMESPACES
    rows: list[Dated] = list(codes)
    assert not clashes(rows, lambda code: (code.namespace, plain(code.code)))
    assert not clashes([code for code in codes if code.id], lambda code: (code.namespace, code.id))


def test_an_id_is_never_another_carriers_code() -> None:
    codes = [code for carrier in catalogue() for code in carrier.codes]
    by_code = {(code.namespace, plain(code.code)): code.carrier for code in codes}
    for code in codes:
        assert by_code.get((code.namespace, code.id), code.carrier) == code.carrier


def test_a_carrier_has_one_current_code_for_each_product_in_a_namespace() -> None:
    for carrier in catalogue():
        current: list[Dated] = [code for code in carrier.codes if not code.former]
        assert not clashes(current, lambda code: (code.namespace, code.product))


def test_every_product_that_a_code_names_exists() -> None:
    known = {(product.carrier, product.code) for product in offers.products()}
    for carrier in catalogue():
        for code in carrier.codes:
            assert not code.product or (carrier.code, code.product) in known, code


def test_a_name_means_one_carrier() -> None:
    owners: dict[str, str] = {}
    for carrier in catalogue():
        names = {carrier.zh, carrier.en, carrier.code, *(name for row in carrier.names for name in row.names)}
        for name in {plain(name) for name in names}:
            assert owners.setdefault(name, carrier.code) == carrier.code, name


def test_no_hint_is_a_name_as_well() -> None:
    for carrier in catalogue():
        hints = {plain(n) for row in carrier.names if row.kind is NameKind.HINT for n in row.names}
        names = {plain(n) for row in carrier.names if row.kind is not NameKind.HINT for n in row.names}
        assert not hints & names


def test_number_rules_do_not_overlap_in_time() -> None:
    for carrier in catalogue():
        rules: list[Dated] = list(carrier.rules)
        assert not clashes(rules, lambda rule: rule.kind)


def test_every_pattern_compiles_and_serials_fit_a_bigint() -> None:
    for carrier in catalogue():
        for rule in carrier.rules:
            re.compile(rule.strict)
            re.compile(rule.lenient)
            assert rule.capacity <= 2**63
            assert rule.first < rule.capacity


def test_the_kinds_of_one_carrier_never_give_the_same_number() -> None:
    for carrier in catalogue():
        for one, other in permutations(carrier.rules, 2):
            for serial in (one.first, one.first + 1, (one.first + one.capacity) // 2, one.capacity - 1):
                assert other.serial_of(one.format(serial)) is None, (one.carrier, one.kind, other.kind, serial)


@pytest.mark.parametrize("code", TWELVE)
def test_every_carrier_has_terms_a_product_and_a_paper(code: str) -> None:
    terms = catalogue().get(code).terms()
    assert terms.waiting_days > 0
    assert terms.idle_days >= terms.waiting_days
    assert terms.most_parcels >= 1
    assert offers.products_of(code)
    usual = offers.label_sizes_of(code)[0]
    assert usual.fits(76_000, 130_000)


@pytest.mark.parametrize("code", [code for code in TWELVE if code != "fengwang"])
def test_every_carrier_that_takes_accounts_has_sandbox_numbers(code: str) -> None:
    assert catalogue().get(code).rule(NumberKind.SANDBOX).capacity >= 10**8


def test_own_terms_override_those_of_the_platform_whatever_their_order() -> None:
    assert catalogue().get("jd").terms().child_number_cost == 0
    assert catalogue().get("yto").terms().child_number_cost == 1


def test_home_delivery_can_be_ordered_until_its_end_and_not_after() -> None:
    (service,) = [s for s in offers.services_of("zto", date(2025, 4, 24)) if s.code == "platform_home_delivery"]
    assert service.price_fen == 80
    assert not service.merges
    assert service.can_be_ordered(datetime(2025, 4, 24, 3, 59, tzinfo=UTC))
    assert not service.can_be_ordered(datetime(2025, 4, 24, 4, 0, tzinfo=UTC))
    assert "platform_home_delivery" not in {s.code for s in offers.services_of("zto", date(2025, 4, 25))}


def test_rows_that_no_field_knows_are_refused_at_reading() -> None:
    row = read_rows("codes", "row")[0]
    with pytest.raises(TypeError):
        Code(**row | {"colour": "red"})


def test_the_documentation_names_every_carrier_file_namespace_and_confidence() -> None:
    page = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text(encoding="utf-8")
    words = {*TWELVE, *NAMESPACES, *Confidence, *(file.name for file in DATA.glob("*.toml"))}
    assert [word for word in words if word not in page] == []
    for carrier in catalogue():
        source = carrier.terms().number_source
        assert re.search(rf"\| `{carrier.code}` \| .*\| {source} \|", page), carrier.code
