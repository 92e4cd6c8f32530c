-- Calls from outside, one row each, so that a log_id in a complaint leads to what happened. Nobody's data, no bodies.
-- keyed by: log_id
CREATE TABLE api_call (
    log_id       text        NOT NULL PRIMARY KEY,
    at           timestamptz NOT NULL,
    door         text        NOT NULL,   -- doudian, api
    app_key      text        NOT NULL,   -- '' before the app was known
    method       text        NOT NULL,
    subject      text        NOT NULL,   -- for whom: shop or carrier
    code         integer     NOT NULL,
    sub_code     text        NOT NULL,
    milliseconds integer     NOT NULL
);
CREATE INDEX api_call_app ON api_call (app_key, at);
CREATE INDEX api_call_at ON api_call (at);
