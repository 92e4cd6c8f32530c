-- Consent words: how a shop or a carrier proves itself at the authorisation page while nobody has a login here. The
-- first group of a word finds its row; the rest of it, and the ticket of the page after it, lie here as SHA-256 only.

-- keyed by: selector
CREATE TABLE consent_word (
    selector     text        NOT NULL PRIMARY KEY CHECK (selector ~ '^[0-9A-HJKMNP-TV-Z]{4}$'),
    consent_id   uuid        NOT NULL,
    word_hash    bytea       NOT NULL,
    subject_kind text        NOT NULL CHECK (subject_kind IN ('shop', 'carrier')),
    merchant_id  bigint      NOT NULL,     -- 0 for a carrier
    shop_id      text        NOT NULL,
    carrier      text        NOT NULL,     -- '' for a shop
    made_at      timestamptz NOT NULL,
    made_by      text        NOT NULL,
    expires_at   timestamptz NOT NULL,
    wrong_tries  integer     NOT NULL DEFAULT 0,
    replaced_at  timestamptz,              -- when the subject got a newer word before this one was used
    used_at      timestamptz,
    ticket_hash  bytea,                    -- of the page where scopes are chosen; the newest counts
    ticket_app   text,
    ticket_until timestamptz,
    CHECK ((ticket_hash IS NULL) = (ticket_app IS NULL) AND (ticket_hash IS NULL) = (ticket_until IS NULL)),
    CHECK (subject_kind = 'shop' AND merchant_id > 0 AND carrier = ''
           OR subject_kind = 'carrier' AND merchant_id = 0 AND shop_id = '' AND carrier <> '')
);
CREATE INDEX consent_word_waiting ON consent_word (merchant_id, shop_id, carrier)
    WHERE used_at IS NULL AND replaced_at IS NULL;
CREATE INDEX consent_word_expires ON consent_word (expires_at);
