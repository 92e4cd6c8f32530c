-- Merchants are legal subjects; a shop is what one of them runs on some platform; a store is a place parcels leave from.

CREATE TABLE merchant (
    merchant_id  bigint PRIMARY KEY,
    name         text NOT NULL,
    applicant    text NOT NULL,            -- applicant kind, carriers of meaning in merchants/shop_types.toml
    created_at   timestamptz NOT NULL
);

CREATE TABLE shop (
    merchant_id  bigint NOT NULL REFERENCES merchant,
    shop_id      text NOT NULL,
    name         text NOT NULL,
    platform     text NOT NULL,            -- doudian, taobao, pdd, jd, own, other
    shop_type    text NOT NULL,            -- merchants/shop_types.toml
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    PRIMARY KEY (merchant_id, shop_id)
);
-- whose a shop is, when an order only names the shop
CREATE INDEX shop_by_id ON shop (shop_id) WHERE closed_at IS NULL;

CREATE TABLE store (
    merchant_id   bigint NOT NULL REFERENCES merchant,
    store_id      text NOT NULL,
    name          text NOT NULL,
    province      text NOT NULL,
    city          text NOT NULL,
    district      text NOT NULL,
    detail        text NOT NULL,
    division_code text NOT NULL,
    opened_at     timestamptz NOT NULL,
    closed_at     timestamptz,
    PRIMARY KEY (merchant_id, store_id)
);
