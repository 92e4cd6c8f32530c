-- Carrier offices and what they hand out: numbers (segments, slices, lists, the directory), units (stock), route tables.

-- keyed by: carrier
CREATE TABLE branch (
    carrier     text NOT NULL,
    branch_code text NOT NULL,             -- '' is the head office
    name        text NOT NULL,
    province    text NOT NULL DEFAULT '',
    city        text NOT NULL DEFAULT '',
    district    text NOT NULL DEFAULT '',
    address     text NOT NULL DEFAULT '',
    phone       text NOT NULL DEFAULT '',  -- the office's public number
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    PRIMARY KEY (carrier, branch_code)
);

-- A segment is a range of serials that the carrier gave to a branch's pool. `next` is the only thing that moves.
-- keyed by: carrier
CREATE TABLE pool_segment (
    carrier     text NOT NULL,
    segment_id  uuid NOT NULL,
    branch_code text NOT NULL,
    kind        text NOT NULL,             -- the number rule's kind
    first       bigint NOT NULL,
    last        bigint NOT NULL,
    next        bigint NOT NULL,
    loaded_at   timestamptz NOT NULL,
    PRIMARY KEY (carrier, segment_id),
    FOREIGN KEY (carrier, branch_code) REFERENCES branch,
    CHECK (first >= 0 AND first <= last AND next BETWEEN first AND last + 1)
);
CREATE INDEX pool_segment_free ON pool_segment (carrier, kind, branch_code, first) WHERE next <= last;
CREATE INDEX pool_segment_range ON pool_segment (carrier, kind, first);

-- A slice is a piece of a segment claimed for one merchant's account, for good. It is never changed or deleted, and it
-- is the directory entry of every number in it.
-- keyed by: carrier
CREATE TABLE pool_slice (
    carrier     text NOT NULL,
    kind        text NOT NULL,
    first       bigint NOT NULL,
    last        bigint NOT NULL,
    segment_id  uuid NOT NULL,
    merchant_id bigint NOT NULL,
    account_id  uuid NOT NULL,
    claimed_at  timestamptz NOT NULL,
    PRIMARY KEY (carrier, kind, first),
    FOREIGN KEY (carrier, segment_id) REFERENCES pool_segment,
    CHECK (first <= last)
);

-- Numbers that a carrier sent as a list (a file), to be handed out one by one.
-- keyed by: carrier
CREATE TABLE pool_list_number (
    carrier     text NOT NULL,
    number      text NOT NULL,
    branch_code text NOT NULL,
    loaded_at   timestamptz NOT NULL,
    taken_at    timestamptz,
    PRIMARY KEY (carrier, number),
    FOREIGN KEY (carrier, branch_code) REFERENCES branch
);
CREATE INDEX pool_list_free ON pool_list_number (carrier, branch_code, number) WHERE taken_at IS NULL;

-- Whose a number is that did not come from a slice; written before the number is answered to anybody.
-- keyed by: carrier
CREATE TABLE number_directory (
    carrier     text NOT NULL,
    number      text NOT NULL,
    merchant_id bigint NOT NULL,
    month       date NOT NULL,
    source      text NOT NULL CHECK (source IN ('live', 'list', 'child', 'return', 'hand')),
    intent_id   uuid,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (carrier, number)
);

-- What a branch may still sell. received comes from the carrier only; sold goes to accounts only.
-- keyed by: carrier
CREATE TABLE stock (
    carrier     text NOT NULL,
    branch_code text NOT NULL,
    received    bigint NOT NULL DEFAULT 0,
    returned    bigint NOT NULL DEFAULT 0,  -- given back to the carrier
    sold        bigint NOT NULL DEFAULT 0,  -- recharged to accounts, less what was reclaimed from them
    PRIMARY KEY (carrier, branch_code),
    FOREIGN KEY (carrier, branch_code) REFERENCES branch,
    CHECK (received - returned - sold >= 0)
);

-- keyed by: carrier
CREATE TABLE stock_entry (
    carrier     text NOT NULL,
    entry_id    uuid NOT NULL,             -- the same id as the account's entry where there is one
    branch_code text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('receive', 'give_back', 'recharge', 'reclaim')),
    units       bigint NOT NULL CHECK (units > 0),
    merchant_id bigint,
    account_id  uuid,
    at          timestamptz NOT NULL,
    PRIMARY KEY (carrier, entry_id)
);

-- keyed by: carrier
CREATE TABLE route_table (
    carrier    text NOT NULL,
    version    integer NOT NULL,
    sandbox    boolean NOT NULL,
    valid_from date NOT NULL,
    loaded_at  timestamptz NOT NULL,
    PRIMARY KEY (carrier, version)
);

-- keyed by: carrier
CREATE TABLE route_row (
    carrier    text NOT NULL,
    version    integer NOT NULL,
    prefix     text NOT NULL,              -- of the division code; the longest that fits wins
    sort_code  text NOT NULL,
    big_mark   text NOT NULL,
    bag_centre text NOT NULL,
    PRIMARY KEY (carrier, version, prefix),
    FOREIGN KEY (carrier, version) REFERENCES route_table
);
