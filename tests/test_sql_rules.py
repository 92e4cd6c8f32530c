"""The checker of the SQL rules finds what it is there to find."""

import pytest

from tests.sql_rules import in_python, in_sql, violations

GOOD = """
    -- Parcels; a semicolon; in a comment ends nothing.
    CREATE TABLE parcel (
        merchant_id bigint NOT NULL REFERENCES merchant,
        number      text NOT NULL CHECK (number IN ('a;b', 'c')),
        account_id  uuid,
        PRIMARY KEY (merchant_id, number),
        UNIQUE NULLS NOT DISTINCT (merchant_id, account_id),
        FOREIGN KEY (merchant_id, account_id) REFERENCES account
    ) PARTITION BY HASH (merchant_id);
    CREATE TABLE parcel_0 PARTITION OF parcel FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE INDEX parcel_account ON parcel (account_id);
    -- keyed by: carrier
    CREATE TABLE pool (carrier text, first bigint, PRIMARY KEY (carrier, first));
    -- keyed by: version of the root key
    CREATE TABLE root (version integer PRIMARY KEY);
"""


def test_a_schema_that_keeps_the_rules_passes() -> None:
    assert list(in_sql("good.sql", GOOD)) == []


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (
            "CREATE TABLE t (merchant_id bigint, n text, PRIMARY KEY (n, merchant_id))",
            "does not begin with merchant_id",
        ),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, n text UNIQUE)", "unique key (n) does not begin"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, n text, CONSTRAINT one UNIQUE (n))", "unique key (n)"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, n text); CREATE UNIQUE INDEX u ON t (n)", "unique key (n)"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, n text); ALTER TABLE t ADD UNIQUE (n)", "unique key (n)"),
        ("CREATE TABLE t (merchant_id bigint, n text)", "no primary key"),
        ("CREATE TABLE t (n text PRIMARY KEY)", "has no merchant_id"),
        ("-- keyed by: carrier\n\nCREATE INDEX i ON x (y); CREATE TABLE t (n text PRIMARY KEY)", "has no merchant_id"),
        ("-- keyed by: carrier\nCREATE TABLE t (carrier text, n text PRIMARY KEY)", "does not begin with carrier"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, o uuid REFERENCES other)", "foreign key (o) lacks"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, id bigserial)", "serial"),
        ("CREATE TABLE t (merchant_id bigint PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY)", "identity"),
        ("CREATE EXTENSION pg_trgm", "extension"),
    ],
)
def test_a_planted_violation_in_a_migration_is_found(planted: str, complaint: str) -> None:
    assert any(complaint in line for line in in_sql("planted.sql", planted)), list(in_sql("planted.sql", planted))


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ("async def f(tx): return int((await tx.execute('UPDATE t SET a = 1')).split()[-1])", "no row count"),
        ("async def f(tx):\n    tag = await tx.execute(SQL)", ":2: what `execute` returns"),
        ("SQL = 'DELETE FROM t WHERE n IN (SELECT n FROM t LIMIT 1 FOR UPDATE SKIP LOCKED)'", "again for every row"),
        ("SQL = 'SET search_path = elsewhere'", "SET LOCAL"),
        ("SQL = f'''\n  SET {name} = 1'''", "SET LOCAL"),
        ("SQL = 'LISTEN waybills'", "LISTEN"),
        ("SQL = 'CREATE TEMP TABLE t (merchant_id bigint PRIMARY KEY)'", "temporary"),
        ("SQL = 'SELECT pg_try_advisory_lock($1)'", "session lock"),
        ("SQL = 'CREATE TABLE t (n text PRIMARY KEY)'", "has no merchant_id"),
    ],
)
def test_a_planted_violation_in_a_module_is_found(planted: str, complaint: str) -> None:
    assert any(complaint in line for line in in_python("planted.py", planted)), list(in_python("planted.py", planted))


def test_words_in_literals_comments_and_prose_are_no_violations() -> None:
    text = '''"""Set the table: LISTEN to the serial."""
async def f(tx):
    await tx.execute("SET LOCAL lock_timeout = '1s'")
    await tx.execute("INSERT INTO t VALUES ('serial; CREATE EXTENSION')  -- bigserial")
'''
    assert list(in_python("prose.py", text)) == []


def test_this_tree_keeps_the_rules() -> None:
    assert violations() == []
