-- Apps that may call, their secrets, who has let them in, and the tokens that say so. Secrets and tokens never lie here
-- in plain: what must be shown or computed with again is wrapped by the root key, the rest is SHA-256 only.

-- keyed by: app_key
CREATE TABLE app (
    app_key          text        NOT NULL PRIMARY KEY CHECK (app_key ~ '^[0-9]{19}$'),
    name             text        NOT NULL,
    kind             text        NOT NULL CHECK (kind IN ('tool', 'self_use')),
    redirect_urls    text[]      NOT NULL,     -- where codes may be sent; tools only
    scopes           text[]      NOT NULL,     -- the most that anybody may grant it
    calls_per_second integer     NOT NULL CHECK (calls_per_second > 0),
    state            text        NOT NULL CHECK (state IN ('active', 'forbidden')),
    state_reason     text        NOT NULL DEFAULT '',
    state_at         timestamptz NOT NULL,
    created_at       timestamptz NOT NULL
);

-- At most two are live at a time, the service counts under the lock of the app's row.
-- keyed by: app_key
CREATE TABLE app_secret (
    app_key      text        NOT NULL REFERENCES app,
    secret_id    uuid        NOT NULL,
    wrapped      bytea,                        -- by the root key, since signatures need it in plain; NULL once retired
    root_version integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    retired_at   timestamptz,
    PRIMARY KEY (app_key, secret_id),
    CHECK ((wrapped IS NULL) = (retired_at IS NOT NULL))
);

-- A subject that lets an app act for it: a shop ('' for a merchant without shops) or a carrier. Revoked rows stay.
-- keyed by: app_key
CREATE TABLE app_authorisation (
    app_key          text        NOT NULL REFERENCES app,
    authorisation_id uuid        NOT NULL,
    subject_kind     text        NOT NULL CHECK (subject_kind IN ('shop', 'carrier')),
    merchant_id      bigint      NOT NULL,     -- 0 for a carrier
    shop_id          text        NOT NULL,
    carrier          text        NOT NULL,     -- '' for a shop
    scopes           text[]      NOT NULL,
    granted_at       timestamptz NOT NULL,
    granted_by       text        NOT NULL,
    revoked_at       timestamptz,
    revoked_by       text        NOT NULL DEFAULT '',
    PRIMARY KEY (app_key, authorisation_id),
    CHECK (subject_kind = 'shop' AND merchant_id > 0 AND carrier = ''
           OR subject_kind = 'carrier' AND merchant_id = 0 AND shop_id = '' AND carrier <> '')
);
CREATE UNIQUE INDEX app_authorisation_standing
    ON app_authorisation (app_key, subject_kind, merchant_id, shop_id, carrier) WHERE revoked_at IS NULL;
CREATE INDEX app_authorisation_subject ON app_authorisation (merchant_id, shop_id, carrier);

-- A one-use code: what the subject agreed to, on its way to the app's servers.
-- keyed by: app_key
CREATE TABLE app_code (
    app_key      text        NOT NULL REFERENCES app,
    code_hash    bytea       NOT NULL,
    subject_kind text        NOT NULL,
    merchant_id  bigint      NOT NULL,
    shop_id      text        NOT NULL,
    carrier      text        NOT NULL,
    scopes       text[]      NOT NULL,
    granted_by   text        NOT NULL,
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    PRIMARY KEY (app_key, code_hash)
);

-- A pair of tokens. Found by hash; `wrapped` holds both, because a refresh that comes too early answers the same pair.
-- keyed by: app_key
CREATE TABLE app_tokens (
    app_key          text        NOT NULL,
    pair_id          uuid        NOT NULL,
    authorisation_id uuid        NOT NULL,
    access_hash      bytea       NOT NULL,
    refresh_hash     bytea       NOT NULL,
    wrapped          bytea,                    -- by the root key; NULL once replaced or revoked
    root_version     integer     NOT NULL,
    issued_at        timestamptz NOT NULL,
    access_until     timestamptz NOT NULL,
    refresh_until    timestamptz NOT NULL,
    replaced_at      timestamptz,
    PRIMARY KEY (app_key, pair_id),
    FOREIGN KEY (app_key, authorisation_id) REFERENCES app_authorisation
);
-- one current pair per authorisation
CREATE UNIQUE INDEX app_tokens_current ON app_tokens (app_key, authorisation_id) WHERE replaced_at IS NULL;
CREATE INDEX app_tokens_access ON app_tokens (access_hash);
CREATE INDEX app_tokens_refresh ON app_tokens (refresh_hash);
