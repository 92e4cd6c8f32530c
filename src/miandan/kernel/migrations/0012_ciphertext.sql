-- Texts that an app had encrypted, and which texts an app has decrypted of late.

-- Plain texts handed in to be encrypted, sealed like every recipient: a shelf of the vault (vault/retention.toml). The
-- texts that one call brings for one id lie in one row, so that who erases a phone erases the name beside it.
CREATE TABLE issued_text (
    merchant_id      bigint      NOT NULL,
    recipient_token  uuid        NOT NULL,
    shop_id          text        NOT NULL,
    auth_id          text        NOT NULL,     -- the order id, or an id of the app's own
    app              text        NOT NULL,
    made_at          timestamptz NOT NULL,
    recipient_key    bytea,                    -- NULL when shredded
    recipient        bytea       NOT NULL,     -- sealed for shop_id/auth_id; only the fields handed in are filled
    recipient_digest bytea       NOT NULL,
    recipient_index  bytea,                    -- search indexes that wait for vault_index
    PRIMARY KEY (merchant_id, recipient_token)
);
-- what the index job takes up; there are never many
CREATE INDEX issued_text_pending ON issued_text (merchant_id) WHERE recipient_index IS NOT NULL;

-- What an app decrypted and paid for: the same field of the same recipient is free for an hour. Tokens only.
CREATE TABLE decrypted_text (
    merchant_id  bigint      NOT NULL,
    app          text        NOT NULL,
    token        uuid        NOT NULL,
    field        text        NOT NULL CHECK (field IN ('name', 'phone', 'address', 'remarks')),
    decrypted_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, app, token, field)
);
