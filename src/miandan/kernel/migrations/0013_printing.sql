-- Print data: the keys of shops, the platform's signing key, the agents that may open it, and merchants' own templates.

-- A key seals until good_until and opens until readable_until; then its bytes are destroyed and the row stays.
-- key_id counts the keys of a shop from 1, so that two programs that make the next one make the same one.
CREATE TABLE print_key (
    merchant_id    bigint      NOT NULL,
    shop_id        text        NOT NULL,        -- '' for a merchant without a shop
    key_id         integer     NOT NULL CHECK (key_id > 0),
    wrapped        bytea,                       -- by the root key; NULL once destroyed
    root_version   integer     NOT NULL,
    made_at        timestamptz NOT NULL,
    good_until     timestamptz NOT NULL,
    readable_until timestamptz NOT NULL,
    destroyed_at   timestamptz,
    PRIMARY KEY (merchant_id, shop_id, key_id),
    CHECK (made_at < good_until AND good_until < readable_until),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- what the job destroys; there are never many
CREATE INDEX print_key_due ON print_key (readable_until) WHERE destroyed_at IS NULL;

-- What the platform signs print data with; agents know the public half.
-- keyed by: key_id
CREATE TABLE print_signing_key (
    key_id       integer     NOT NULL PRIMARY KEY,
    public_key   bytea       NOT NULL,
    wrapped      bytea       NOT NULL,
    root_version integer     NOT NULL,
    made_at      timestamptz NOT NULL
);

-- Programs beside a printer, by the key that shop keys are wrapped for.
CREATE TABLE print_agent (
    merchant_id bigint      NOT NULL,
    agent_id    uuid        NOT NULL,
    name        text        NOT NULL,
    public_key  bytea       NOT NULL CHECK (length(public_key) = 32),
    state       text        NOT NULL CHECK (state IN ('paired', 'unpaired')),
    paired_at   timestamptz NOT NULL,
    unpaired_at timestamptz,
    PRIMARY KEY (merchant_id, agent_id),
    CHECK ((state = 'unpaired') = (unpaired_at IS NOT NULL))
);

-- A merchant's own templates that print components may fetch; a version is never changed. `token` makes the address
-- one that nobody guesses.
CREATE TABLE print_template (
    merchant_id bigint      NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL CHECK (version > 0),
    token       text        NOT NULL,
    base        text        NOT NULL,           -- standard template of a custom area; '' for a whole template
    carrier     text        NOT NULL,           -- '' for any
    title       text        NOT NULL,
    content     bytea       NOT NULL,
    offered_at  timestamptz NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (merchant_id, name, version)
);
