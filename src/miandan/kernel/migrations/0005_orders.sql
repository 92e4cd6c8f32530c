-- Trade orders as they were imported. Who receives them, and every remark, is sealed: no column holds it in plain.

CREATE TABLE trade_order (
    merchant_id      bigint NOT NULL,
    shop_id          text NOT NULL,            -- '' for a merchant without a shop
    order_id         text NOT NULL,
    state            text NOT NULL
                     CHECK (state IN ('to_ship', 'held', 'awaiting_payment', 'closed', 'cancelled', 'refunding',
                                      'refunded', 'shipped')),
    held_reason      text,                     -- an error code, only while held
    paid_at          timestamptz,
    imported_at      timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    version          integer NOT NULL DEFAULT 1,
    lines            jsonb NOT NULL,           -- goods only
    warnings         jsonb NOT NULL,           -- codes with line and column, nobody's data
    content_hash     bytea NOT NULL,           -- over lines, state and payment time of the import
    division_code    text NOT NULL,
    recipient_token  uuid NOT NULL,
    replaced_token   uuid,                     -- before the last change; its search indexes are gone
    recipient_key    bytea,                    -- NULL when shredded
    recipient        bytea NOT NULL,
    recipient_digest bytea NOT NULL,
    remark_digest    bytea NOT NULL,           -- keyed like recipient_digest; empty without a remark
    PRIMARY KEY (merchant_id, shop_id, order_id),
    CHECK ((held_reason IS NOT NULL) = (state = 'held'))
);
CREATE INDEX trade_order_recipient ON trade_order (merchant_id, recipient_digest);
CREATE INDEX trade_order_token ON trade_order (merchant_id, recipient_token);
