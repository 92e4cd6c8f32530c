-- Who wants to hear of what happens to the orders of its shops, and every message to it: waiting, sent or dead.

-- keyed by: app_key
CREATE TABLE push_subscription (
    app_key         text        NOT NULL REFERENCES app,
    subscription_id uuid        NOT NULL,
    url             text        NOT NULL,
    tags            text[],                          -- NULL: every tag
    state           text        NOT NULL CHECK (state IN ('active', 'paused')),
    made_at         timestamptz NOT NULL,
    -- the circuit: tries that failed in a row, and the moment before which nothing is sent there
    failures        integer     NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    not_before      timestamptz NOT NULL,
    last_status     integer,                         -- HTTP status of the last answer, where there was one
    last_failure    text,                            -- access/push_model.py; never the text of an answer
    last_tried_at   timestamptz,
    last_sent_at    timestamptz,
    -- the program that is sending there now; believed until then, so that a killed one is replaced
    claim_id        uuid,
    claimed_until   timestamptz,
    PRIMARY KEY (app_key, subscription_id),
    UNIQUE (app_key, url)
);

-- keyed by: app_key
CREATE TABLE push_delivery (
    app_key         text        NOT NULL,
    delivery_id     uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    msg_id          text        NOT NULL,            -- the same over all tries and replays
    merchant_id     bigint      NOT NULL,            -- whose news it is; sent while they let the app in
    shop_id         text        NOT NULL,
    subject         text        NOT NULL,            -- what its messages keep their order within: an order
    position        bigint      NOT NULL,            -- that order
    tag             text        NOT NULL,
    body            jsonb       NOT NULL,            -- ids, counts and times only
    state           text        NOT NULL CHECK (state IN ('waiting', 'sent', 'dead')),
    made_at         timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    gives_up_at     timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,  -- since it was made or last replayed
    replays         integer     NOT NULL DEFAULT 0,
    last_status     integer,
    last_failure    text,
    first_tried_at  timestamptz,
    last_tried_at   timestamptz,
    PRIMARY KEY (app_key, delivery_id),
    UNIQUE (app_key, subscription_id, msg_id),
    FOREIGN KEY (app_key, subscription_id) REFERENCES push_subscription ON DELETE CASCADE
);

CREATE INDEX push_delivery_waiting ON push_delivery (app_key, subscription_id, position, delivery_id)
    WHERE state = 'waiting';
CREATE INDEX push_delivery_subject ON push_delivery (app_key, subscription_id, merchant_id, shop_id, subject, position)
    WHERE state = 'waiting';
CREATE INDEX push_delivery_dead ON push_delivery (app_key, subscription_id, last_tried_at) WHERE state = 'dead';
CREATE INDEX push_delivery_ended ON push_delivery (last_tried_at) WHERE state <> 'waiting';
