-- The heart: parcel keys, waybills with their documents, live-call intents, answers kept for idempotency.

-- One row per order of a parcel. A live key has ended_at = infinity, so it is unique while its number lives.
-- Seat 0 stands exactly once per number, which keeps (merchant, carrier, number) unique too. While a live call is
-- under way `number` holds the intent.
CREATE TABLE parcel_key (
    merchant_id bigint NOT NULL,
    parcel_key  text NOT NULL,
    ended_at    timestamptz NOT NULL DEFAULT 'infinity',
    carrier     text NOT NULL,
    number      text NOT NULL,
    seat        smallint NOT NULL,
    month       date NOT NULL,
    PRIMARY KEY (merchant_id, parcel_key, ended_at),
    UNIQUE (merchant_id, carrier, number, seat)
) PARTITION BY HASH (merchant_id);
CREATE TABLE parcel_key_0 PARTITION OF parcel_key FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE parcel_key_1 PARTITION OF parcel_key FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE parcel_key_2 PARTITION OF parcel_key FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE parcel_key_3 PARTITION OF parcel_key FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- The allocation entry of its unit(s), the four lives, and the current version of the document.
CREATE TABLE waybill (
    merchant_id      bigint NOT NULL,
    month            date NOT NULL,
    carrier          text NOT NULL,
    number           text NOT NULL,
    account_id       uuid NOT NULL,
    lease_id         uuid NOT NULL,
    taken_at         timestamptz NOT NULL,
    taken_by         text NOT NULL,            -- the calling app
    units            smallint NOT NULL,
    -- number
    number_state     text NOT NULL DEFAULT 'issued'
                     CHECK (number_state IN ('issued', 'cancel_requested', 'cancelled', 'recycled')),
    state_at         timestamptz,
    superseded_by    text,
    -- paper, shipped, carriage
    copies           integer NOT NULL DEFAULT 0,
    shipped_at       timestamptz,
    first_scan_at    timestamptz,
    -- document
    version          integer NOT NULL DEFAULT 1,
    shop_id          text NOT NULL,
    order_ref        text NOT NULL,            -- what the recipient is sealed for
    parent_number    text,
    piece            smallint NOT NULL DEFAULT 1,
    pieces           smallint NOT NULL DEFAULT 1,
    ship_from_id     uuid NOT NULL,
    product          text NOT NULL,
    goods            jsonb NOT NULL,
    services         jsonb NOT NULL,
    division_code    text NOT NULL,
    sort_code        text NOT NULL,
    big_mark         text NOT NULL,
    bag_centre       text NOT NULL,
    barcode_text     text NOT NULL,
    qr_text          text NOT NULL,
    route_version    integer,
    recipient_token  uuid NOT NULL,
    recipient_key    bytea,
    recipient        bytea NOT NULL,
    recipient_digest bytea NOT NULL,
    recipient_index  bytea,                    -- search indexes not yet in vault_index
    PRIMARY KEY (merchant_id, carrier, number, month)
) PARTITION BY RANGE (month);

CREATE INDEX waybill_child ON waybill (merchant_id, carrier, parent_number) WHERE parent_number IS NOT NULL;
-- what a job finishes; there are never many
CREATE INDEX waybill_cancelling ON waybill (carrier) WHERE number_state = 'cancel_requested';

-- Documents that an update replaced.
CREATE TABLE waybill_version (
    merchant_id      bigint NOT NULL,
    carrier          text NOT NULL,
    number           text NOT NULL,
    version          integer NOT NULL,
    replaced_at      timestamptz NOT NULL,
    order_ref        text NOT NULL,
    goods            jsonb NOT NULL,
    services         jsonb NOT NULL,
    division_code    text NOT NULL,
    sort_code        text NOT NULL,
    big_mark         text NOT NULL,
    bag_centre       text NOT NULL,
    route_version    integer,
    recipient_token  uuid NOT NULL,
    recipient_key    bytea,
    recipient        bytea NOT NULL,
    recipient_digest bytea NOT NULL,
    PRIMARY KEY (merchant_id, carrier, number, version)
);

-- A live call, committed before it is made. Its unit is reserved until it is settled.
CREATE TABLE live_intent (
    merchant_id bigint NOT NULL,
    intent_id   uuid NOT NULL,
    account_id  uuid NOT NULL,
    lease_id    uuid NOT NULL,
    worker      bigint NOT NULL,
    carrier     text NOT NULL,
    state       text NOT NULL CHECK (state IN ('open', 'known', 'refused', 'in_doubt')),
    units       smallint NOT NULL,
    ask         jsonb NOT NULL,                -- keys, goods, services, pieces; nobody's data
    order_ref   text NOT NULL,
    recipient_token  uuid NOT NULL,
    recipient_key    bytea,
    recipient        bytea NOT NULL,
    recipient_digest bytea NOT NULL,
    asked_at    timestamptz NOT NULL,
    settled_at  timestamptz,
    number      text,
    error_code  text,
    raw         text NOT NULL DEFAULT '',      -- the carrier's own words
    unused_number text,                        -- issued in vain; cleared once the carrier has taken it back
    PRIMARY KEY (merchant_id, intent_id)
);
CREATE INDEX live_intent_unused ON live_intent (merchant_id) WHERE unused_number IS NOT NULL;
CREATE INDEX live_intent_unsettled ON live_intent (merchant_id, worker) WHERE state IN ('open', 'in_doubt');

-- The first answer to a request with an Idempotency-Key, returned for ever after.
CREATE TABLE take_answer (
    merchant_id     bigint NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint     bytea NOT NULL,
    numbers         jsonb NOT NULL,
    answered_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, idempotency_key)
);
