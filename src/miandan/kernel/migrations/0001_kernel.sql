-- What every room stands on. `schema_migration` itself is made by the runner (kernel/migrations.py).

-- Messages between rows that cannot share a transaction (other merchant, other carrier), written in the transaction
-- that causes them and delivered at least once. `source` is the text of the key they came from, such as a merchant's id.
-- keyed by: source
CREATE TABLE outbox (
    source      text        NOT NULL,
    id          uuid        NOT NULL,
    topic       text        NOT NULL,
    body        jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    done_at     timestamptz,
    attempts    integer     NOT NULL DEFAULT 0,
    -- not before this moment; a failed row waits longer each time
    due_at      timestamptz NOT NULL DEFAULT now(),
    -- error code or exception class, never its text: a text could hold a person's data
    failure     text,
    PRIMARY KEY (source, id)
);

CREATE INDEX outbox_waiting ON outbox (due_at) WHERE done_at IS NULL;
