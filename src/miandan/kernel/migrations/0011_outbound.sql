-- Ship statements: what a merchant says went out, under which number, and how much of each order that makes.

-- One order's share of one pack. A row is never changed but for `withdrawn_at`: another number is a new row of the
-- same pack, and the old one is withdrawn at that moment.
CREATE TABLE shipment (
    merchant_id  bigint NOT NULL,
    shipment_id  uuid NOT NULL,
    shop_id      text NOT NULL,
    order_id     text NOT NULL,
    pack_id      text NOT NULL,            -- the delivery id that callers know
    carrier      text NOT NULL,
    number       text NOT NULL,
    taken_here   boolean NOT NULL,         -- false: typed in, noted in the directory as `hand`
    lines        jsonb NOT NULL,           -- line_id, quantity, and how many were ordered when it was stated
    pieces       integer NOT NULL CHECK (pieces > 0),
    shipped_at   timestamptz NOT NULL,
    stated_at    timestamptz NOT NULL,
    stated_by    text NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (merchant_id, shipment_id)
);
CREATE UNIQUE INDEX shipment_standing ON shipment (merchant_id, shop_id, order_id, pack_id)
    WHERE withdrawn_at IS NULL;
CREATE INDEX shipment_of_order ON shipment (merchant_id, shop_id, order_id);
CREATE INDEX shipment_of_pack ON shipment (merchant_id, pack_id);
CREATE INDEX shipment_of_number ON shipment (merchant_id, carrier, number) WHERE withdrawn_at IS NULL;

-- The packs of a statement with a request_id, so that the same request gets the same packs for ever.
CREATE TABLE ship_answer (
    merchant_id bigint NOT NULL,
    shop_id     text NOT NULL,
    request_id  text NOT NULL,
    fingerprint bytea NOT NULL,
    pack_ids    jsonb NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, shop_id, request_id)
);

-- Pieces of the order that stand stated as shipped. Above 0 while the state is `to_ship`: partly shipped.
ALTER TABLE trade_order ADD COLUMN shipped_pieces integer NOT NULL DEFAULT 0 CHECK (shipped_pieces >= 0);
