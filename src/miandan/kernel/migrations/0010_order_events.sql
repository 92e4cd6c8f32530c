-- What a marketplace says of its orders, by its own versions. An order whose event came before itself is a row that has
-- not arrived yet: it has a standing and perhaps a recipient, and no goods.

ALTER TABLE trade_order
    ADD COLUMN arrived        boolean NOT NULL DEFAULT true,
    ADD COLUMN created_at     timestamptz,     -- at the marketplace; where nobody says it, paid or imported
    ADD COLUMN source_version bigint,          -- the highest version heard; NULL: only files and hands speak for it
    ADD COLUMN standing       jsonb;           -- what was said last of each subject, with its version (orders/standing.py)
UPDATE trade_order SET created_at = coalesce(paid_at, imported_at);
ALTER TABLE trade_order
    ALTER COLUMN created_at SET NOT NULL,
    ADD CONSTRAINT trade_order_standing CHECK ((standing IS NULL) = (source_version IS NULL)),
    ADD CONSTRAINT trade_order_arrived CHECK (arrived OR source_version IS NOT NULL);

CREATE INDEX trade_order_created ON trade_order (merchant_id, shop_id, created_at, order_id) WHERE arrived;
CREATE INDEX trade_order_changed ON trade_order (merchant_id, shop_id, changed_at, order_id) WHERE arrived;
-- what a file looks through after an import; there are never many
CREATE INDEX trade_order_announced ON trade_order (merchant_id, shop_id, order_id) WHERE NOT arrived;
