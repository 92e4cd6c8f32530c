"""docs/vault.md says what the data says; a purpose or a period without its line there fails here."""

from pathlib import Path

from miandan.kernel.clock import now, trade_day
from miandan.vault.decrypts import decrypt_budget_on
from miandan.vault.purposes import purposes
from miandan.vault.shelves import retention_rules

DOCS = (Path(__file__).parents[2] / "docs" / "vault.md").read_text(encoding="utf-8")


def test_every_purpose_stands_in_the_docs_with_its_fields() -> None:
    for purpose in purposes():
        (line,) = (line for line in DOCS.splitlines() if line.startswith(f"| `{purpose.code}` |"))
        fields, budget = line.split("|")[2:4]
        assert {word.strip() for word in fields.split(";")[0].split(",")} == {field.value for field in purpose.fields}
        assert budget.strip() == ("yes" if purpose.budgeted else "no")
        assert purpose.days_after_signing is None or f"{purpose.days_after_signing} days" in fields


def test_every_period_stands_in_the_docs() -> None:
    for rule in retention_rules():
        assert f"| `{rule.table}` | `{rule.clock}` | {rule.days} | {rule.action.value} |" in DOCS


def test_the_budget_of_today_stands_in_the_docs() -> None:
    rule = decrypt_budget_on(trade_day(now()))
    text = " ".join(DOCS.split())
    assert f"is {rule.base} texts and {rule.per_hundred_orders} more for every hundred orders" in text
    assert f"in the last {rule.days} days" in text
    assert f"free for the same app for {rule.free_minutes} minutes" in text
