-- Applications, accounts with their units and ledger, approved ship-from addresses, leases, share grants.

CREATE TABLE application (
    merchant_id     bigint NOT NULL REFERENCES merchant,
    application_id  uuid NOT NULL,
    carrier         text NOT NULL,
    branch_code     text NOT NULL,
    settlement_code text NOT NULL DEFAULT '',
    brand           text NOT NULL DEFAULT '',
    billing         text NOT NULL CHECK (billing IN ('prepaid', 'monthly')),
    ship_from       jsonb NOT NULL,
    state           text NOT NULL CHECK (state IN ('applied', 'approved', 'rejected')),
    reason          text NOT NULL DEFAULT '',
    applied_at      timestamptz NOT NULL,
    decided_at      timestamptz,
    account_id      uuid,
    PRIMARY KEY (merchant_id, application_id)
);
-- one undecided application per branch at a time
CREATE UNIQUE INDEX application_open ON application (merchant_id, carrier, branch_code, settlement_code, brand)
    WHERE state = 'applied';

-- received - reclaimed = available + left in open leases + granted (less returned) + allocated + waiting; `miandan check` proves it.
-- A monthly account receives nothing and its available goes below zero, down to -unit_limit where one is set.
CREATE TABLE account (
    merchant_id     bigint NOT NULL REFERENCES merchant,
    account_id      uuid NOT NULL,
    carrier         text NOT NULL,
    branch_code     text NOT NULL,
    settlement_code text NOT NULL DEFAULT '',
    brand           text NOT NULL DEFAULT '',
    billing         text NOT NULL CHECK (billing IN ('prepaid', 'monthly')),
    supply          text NOT NULL CHECK (supply IN ('segment', 'live', 'list')),
    -- closed: the using side of a grant that was revoked; whatever still comes back to it goes on to the owner
    state           text NOT NULL CHECK (state IN ('active', 'suspended', 'dormant', 'closed')),
    state_at        timestamptz NOT NULL,
    state_reason    text NOT NULL DEFAULT '',
    carrier_reads   boolean NOT NULL,      -- the carrier reads masked parcels by number
    full_label_by   text,                  -- who chose the full label where the carrier does not read, and when
    full_label_at   timestamptz,
    owner_id        bigint,                -- set on the using merchant's side of a share grant
    grant_id        uuid,
    unit_limit      bigint,
    received        bigint NOT NULL DEFAULT 0,
    reclaimed       bigint NOT NULL DEFAULT 0,
    available       bigint NOT NULL DEFAULT 0,
    recycled        bigint NOT NULL DEFAULT 0,
    opened_at       timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, account_id),
    UNIQUE NULLS NOT DISTINCT (merchant_id, carrier, branch_code, settlement_code, brand, grant_id)
);

-- Rows are immutable but for `withdrawn_at`, since waybill documents refer to them; a change is a new row.
CREATE TABLE ship_from (
    merchant_id   bigint NOT NULL,
    ship_from_id  uuid NOT NULL,
    account_id    uuid NOT NULL,
    store_id      text NOT NULL DEFAULT '',
    contact       text NOT NULL,
    phone         text NOT NULL,
    province      text NOT NULL,
    city          text NOT NULL,
    district      text NOT NULL,
    detail        text NOT NULL,
    division_code text NOT NULL DEFAULT '',
    approved_at   timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    PRIMARY KEY (merchant_id, ship_from_id),
    FOREIGN KEY (merchant_id, account_id) REFERENCES account
);
CREATE INDEX ship_from_account ON ship_from (merchant_id, account_id) WHERE withdrawn_at IS NULL;

-- Every change of `available`; units is signed by its effect on it, 0 where only allocated and waiting change.
CREATE TABLE unit_entry (
    merchant_id bigint NOT NULL,
    entry_id    uuid NOT NULL,
    account_id  uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('recharge', 'reclaim', 'lease', 'lease_return', 'grant', 'grant_return',
                                              'refused', 'cancel', 'recycle', 're_debit')),
    units       bigint NOT NULL,
    subject     text NOT NULL DEFAULT '',  -- lease, grant, intent or number it is about
    at          timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, entry_id),
    FOREIGN KEY (merchant_id, account_id) REFERENCES account
);
CREATE INDEX unit_entry_account ON unit_entry (merchant_id, account_id, at);

-- Units and, for a segment account, serials `next` to `last` of a slice, held for one worker of the merchant.
-- Without a slice the serials only count.
CREATE TABLE lease (
    merchant_id bigint NOT NULL,
    lease_id    uuid NOT NULL,
    account_id  uuid NOT NULL,
    worker      bigint NOT NULL,           -- advisory lock that the worker holds while it lives
    carrier     text NOT NULL,
    kind        text NOT NULL,             -- number rule's kind; '' where numbers come from elsewhere
    slice_first bigint,
    first       bigint NOT NULL,
    next        bigint NOT NULL,
    last        bigint NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    PRIMARY KEY (merchant_id, lease_id),
    FOREIGN KEY (merchant_id, account_id) REFERENCES account,
    CHECK (first <= last AND next BETWEEN first AND last + 1)
) WITH (fillfactor = 70);
CREATE INDEX lease_open ON lease (merchant_id, account_id) WHERE closed_at IS NULL;

-- Serials of a closed lease that nobody used: they stay with the account, whose next lease takes them first.
CREATE TABLE slice_rest (
    merchant_id bigint NOT NULL,
    account_id  uuid NOT NULL,
    kind        text NOT NULL,
    first       bigint NOT NULL,
    last        bigint NOT NULL,
    slice_first bigint NOT NULL,
    PRIMARY KEY (merchant_id, account_id, kind, first),
    FOREIGN KEY (merchant_id, account_id) REFERENCES account,
    CHECK (first <= last)
);

-- The owner's side of a share grant; the using merchant has an account row with the same grant_id.
CREATE TABLE share_grant (
    merchant_id bigint NOT NULL,           -- the owner
    grant_id    uuid NOT NULL,
    account_id  uuid NOT NULL,
    user_id     bigint NOT NULL,           -- the using merchant
    units       bigint NOT NULL CHECK (units > 0),
    returned    bigint NOT NULL DEFAULT 0,
    used        bigint NOT NULL DEFAULT 0, -- as last heard from the using merchant, at heard_at
    heard_at    timestamptz,
    state       text NOT NULL CHECK (state IN ('active', 'revoking', 'revoked')),
    granted_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (merchant_id, grant_id),
    FOREIGN KEY (merchant_id, account_id) REFERENCES account
);
CREATE INDEX share_grant_account ON share_grant (merchant_id, account_id);
