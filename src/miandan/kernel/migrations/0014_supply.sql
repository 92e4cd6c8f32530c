-- Suppliers who ship for the shops of others, the orders given to them; address books and what stores say of themselves.

-- Who said that a supplier ships for a shop, from when to when. Never deleted: an ended relation is evidence too.
CREATE TABLE supply_relation (
    merchant_id  bigint NOT NULL REFERENCES merchant,   -- the seller
    relation_id  uuid NOT NULL,
    shop_id      text NOT NULL,            -- '' for a seller without a shop
    supplier_id  bigint NOT NULL,
    state        text NOT NULL CHECK (state IN ('asked', 'active', 'ended')),
    asked_by     bigint NOT NULL,          -- the merchant that asked; the other one accepts
    evidence     text NOT NULL,            -- a contract number, a reference; nobody's data
    stated_by    text NOT NULL,            -- login or app behind the first word
    asked_at     timestamptz NOT NULL,
    accepted_by  text NOT NULL DEFAULT '', -- login or app behind the second
    active_since timestamptz,
    ended_by     text NOT NULL DEFAULT '',
    ended_at     timestamptz,
    PRIMARY KEY (merchant_id, relation_id),
    CHECK (supplier_id <> merchant_id AND asked_by IN (merchant_id, supplier_id)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX supply_relation_standing ON supply_relation (merchant_id, shop_id, supplier_id)
    WHERE state <> 'ended';
-- for whom a supplier ships
CREATE INDEX supply_relation_supplier ON supply_relation (supplier_id, asked_at);

-- An order that its seller gave to a supplier. Whether a number stands is read from the parcel keys, never kept here.
CREATE TABLE distributed_order (
    merchant_id    bigint NOT NULL,        -- the seller
    distr_order_id text NOT NULL,          -- digits
    shop_id        text NOT NULL,
    order_id       text NOT NULL,
    supplier_id    bigint NOT NULL,
    relation_id    uuid NOT NULL,
    state          text NOT NULL CHECK (state IN ('distributed', 'cancelled')),
    packs          text[] NOT NULL DEFAULT '{""}',   -- every parcel that the supplier ever asked a number for
    distributed_at timestamptz NOT NULL,
    cancelled_at   timestamptz,
    PRIMARY KEY (merchant_id, distr_order_id),
    FOREIGN KEY (merchant_id, relation_id) REFERENCES supply_relation,
    CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL))
);
CREATE UNIQUE INDEX distributed_order_standing ON distributed_order (merchant_id, shop_id, order_id)
    WHERE state = 'distributed';
CREATE INDEX distributed_order_supplier ON distributed_order (supplier_id, distr_order_id);
CREATE INDEX distributed_order_relation ON distributed_order (merchant_id, relation_id) WHERE state = 'distributed';

-- A supplier is taking a number for the order right now, so its seller cannot cancel. A row that outlives its time was
-- left by a program that died.
CREATE TABLE distribution_claim (
    merchant_id    bigint NOT NULL,
    distr_order_id text NOT NULL,
    claim_id       uuid NOT NULL,
    until          timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, distr_order_id, claim_id),
    FOREIGN KEY (merchant_id, distr_order_id) REFERENCES distributed_order
);

-- A merchant's own business contacts: where parcels leave from and come back to.
CREATE TABLE business_address (
    merchant_id    bigint NOT NULL REFERENCES merchant,
    address_id     bigint NOT NULL,
    shop_id        text NOT NULL,          -- '' for a merchant without a shop
    store_id       text NOT NULL DEFAULT '',
    link_type      text NOT NULL CHECK (link_type IN ('mobile', 'landline', 'business_line')),
    contact        text NOT NULL,
    phone          text NOT NULL DEFAULT '',
    fixed_phone    text NOT NULL DEFAULT '',
    province       text NOT NULL,
    city           text NOT NULL,
    district       text NOT NULL,
    town           text NOT NULL,
    division_code  text NOT NULL,          -- of the lowest level that is known: six digits, nine for a town
    detail         text NOT NULL,
    remark         text NOT NULL DEFAULT '',
    returns_here   boolean NOT NULL DEFAULT false,   -- the shop's default for what comes back
    ships_here     boolean NOT NULL DEFAULT false,   -- the shop's default for what leaves
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, address_id)
);
CREATE UNIQUE INDEX business_address_returns ON business_address (merchant_id, shop_id) WHERE returns_here;
CREATE UNIQUE INDEX business_address_ships ON business_address (merchant_id, shop_id) WHERE ships_here;

-- What a platform shows of a store.
ALTER TABLE store
    ADD COLUMN shop_id      text NOT NULL DEFAULT '',
    ADD COLUMN store_code   text NOT NULL DEFAULT '',  -- the merchant's own number for it
    ADD COLUMN contact      text NOT NULL DEFAULT '',  -- the store's public phone
    ADD COLUMN hours        jsonb NOT NULL DEFAULT '{}',  -- weekday "1" to "7" -> opening hours as given
    ADD COLUMN longitude    text NOT NULL DEFAULT '',
    ADD COLUMN latitude     text NOT NULL DEFAULT '',
    ADD COLUMN state        text NOT NULL DEFAULT 'open'
                            CHECK (state IN ('binding', 'bound', 'checking_papers', 'checking_account', 'open')),
    ADD COLUMN suspended_by text CHECK (suspended_by IN ('merchant', 'platform')),
    ADD COLUMN updated_at   timestamptz;
CREATE UNIQUE INDEX store_code ON store (merchant_id, store_code) WHERE store_code <> '' AND closed_at IS NULL;

-- a carrier's answer names only the application
CREATE INDEX application_by_id ON application (application_id);
-- grants to one merchant, from its owner's side
CREATE INDEX share_grant_user ON share_grant (merchant_id, user_id) WHERE state = 'active';
