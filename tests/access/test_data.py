"""The room's tables: every scope has its words and somebody who can grant it, every term its dates and source."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from miandan.access.model import Scope, SubjectKind
from miandan.access.scopes import meanings, scopes_for, usual_scopes
from miandan.access.terms import rows, terms_at

PAGE = (Path(__file__).parents[2] / "docs" / "apps.md").read_text(encoding="utf-8")


def test_every_scope_has_words_in_both_languages_and_a_row_on_the_page() -> None:
    assert [meaning.scope for meaning in meanings()] == list(Scope)
    for meaning in meanings():
        assert re.search("[一-鿿]", meaning.zh)
        assert not re.search("[一-鿿]", meaning.en)
        assert f"| `{meaning.scope}` | {meaning.zh} | {meaning.en} |" in PAGE


def test_every_scope_is_granted_by_exactly_one_kind_of_subject() -> None:
    shops, carriers = scopes_for(SubjectKind.SHOP), scopes_for(SubjectKind.CARRIER)
    assert shops | carriers == set(Scope)
    assert not shops & carriers


def test_nobody_reveals_recipients_without_being_asked_about_it() -> None:
    assert usual_scopes(SubjectKind.SHOP) == scopes_for(SubjectKind.SHOP) - {Scope.REVEAL}


def test_each_term_holds_once_on_every_day_and_says_where_it_is_from() -> None:
    assert {row.confidence for row in rows()} <= {"seen", "verified", "inferred", "memory"}
    assert all(row.source and row.value > 0 for row in rows())
    for day in (date(2026, 1, 1), date(2030, 1, 1)):
        standing = [row.term for row in rows() if row.holds_on(day)]
        assert len(standing) == len(set(standing))


def test_lifetimes_are_those_that_clients_have_learnt() -> None:
    terms = terms_at(datetime(2026, 5, 1, tzinfo=UTC))
    assert (terms.code, terms.access, terms.refresh) == (
        timedelta(minutes=10),
        timedelta(days=7),
        timedelta(days=14),
    )
    assert terms.renewal == terms.grace == timedelta(hours=1)
