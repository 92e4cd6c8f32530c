-- The vault's keys and search indexes, the budget of reveals, the audit log. Sealed recipients lie with their nouns.

-- Which root keys this database was made under. `proof` opens only under that key, so a foreign key file is noticed
-- before anything is sealed with it.
-- keyed by: version of the root key
CREATE TABLE vault_root (
    version    integer     NOT NULL PRIMARY KEY,
    proof      bytea       NOT NULL,
    created_at timestamptz NOT NULL
);

-- Keys of a merchant, wrapped by the root key. The newest version seals and indexes, older ones still open and find.
CREATE TABLE vault_key (
    merchant_id  bigint      NOT NULL,
    purpose      text        NOT NULL CHECK (purpose IN ('seal', 'index')),
    version      integer     NOT NULL CHECK (version BETWEEN 1 AND 65535),
    wrapped      bytea       NOT NULL,
    root_version integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    retired_at   timestamptz,              -- no row is under it any more
    PRIMARY KEY (merchant_id, purpose, version)
);

-- What a search by phone, tail or name finds: truncated keyed values, deleted with the data key they lead to.
CREATE TABLE vault_index (
    merchant_id bigint  NOT NULL,
    kind        text    NOT NULL CHECK (kind IN ('phone', 'tail', 'name')),
    version     integer NOT NULL,
    value       bytea   NOT NULL,
    token       uuid    NOT NULL,
    bound_to    text    NOT NULL,
    PRIMARY KEY (merchant_id, kind, version, value, token)
);
CREATE INDEX vault_index_token ON vault_index (merchant_id, token);

-- Reveals of an app on a Beijing day. A day without a limit of its own goes on with the limit of the latest day.
-- keyed by: app
CREATE TABLE reveal_budget (
    app         text    NOT NULL,
    day         date    NOT NULL,
    used        integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    daily_limit integer CHECK (daily_limit >= 0),  -- NULL: counted, not limited
    PRIMARY KEY (app, day)
);

-- Who did what to whose data and why, in tokens and ids only. Rows are added, never changed; kernel/audit.py says
-- what is hashed.
-- keyed by: chain
CREATE TABLE audit_entry (
    chain   text        NOT NULL,
    seq     bigint      NOT NULL,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,
    action  text        NOT NULL,
    purpose text        NOT NULL,
    subject jsonb       NOT NULL,
    prev    bytea       NOT NULL,
    hash    bytea       NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- The end of each chain: its row is the lock under which the next entry is written.
-- keyed by: chain
CREATE TABLE audit_head (
    chain text   NOT NULL PRIMARY KEY,
    seq   bigint NOT NULL,
    hash  bytea  NOT NULL
);
