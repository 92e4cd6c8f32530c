-- Stations of the packing table: parcels to be stopped, parcels packed, their weights.

-- A parcel that has a label and must not go out now. One stands open per number (cleared_at = infinity).
CREATE TABLE pack_stop (
    merchant_id bigint      NOT NULL,
    carrier     text        NOT NULL,
    number      text        NOT NULL,
    cleared_at  timestamptz NOT NULL DEFAULT 'infinity',
    cleared_by  text        NOT NULL DEFAULT '',
    raised_at   timestamptz NOT NULL,
    raised_by   text        NOT NULL,          -- the event, or a person
    reason      text        NOT NULL,          -- code of the order's refusal
    order_id    text        NOT NULL,
    PRIMARY KEY (merchant_id, carrier, number, cleared_at),
    CHECK ((cleared_at = 'infinity') = (cleared_by = ''))
);
CREATE INDEX pack_stop_open ON pack_stop (merchant_id, raised_at) WHERE cleared_at = 'infinity';

-- A parcel that was packed and left the table; once a number.
CREATE TABLE parcel_packed (
    merchant_id bigint      NOT NULL,
    carrier     text        NOT NULL,
    number      text        NOT NULL,
    copy        integer     NOT NULL,          -- that was scanned
    packed_at   timestamptz NOT NULL,
    packed_by   text        NOT NULL,
    PRIMARY KEY (merchant_id, carrier, number)
);

-- Weights in the order they were taken; the last one counts.
CREATE TABLE parcel_weight (
    merchant_id bigint      NOT NULL,
    carrier     text        NOT NULL,
    number      text        NOT NULL,
    turn        integer     NOT NULL,
    grams       integer     NOT NULL CHECK (grams > 0),
    source      text        NOT NULL CHECK (source IN ('typed', 'wedge')),
    weighed_at  timestamptz NOT NULL,
    weighed_by  text        NOT NULL,
    PRIMARY KEY (merchant_id, carrier, number, turn)
);
