-- Scans: the inbox of everything a carrier says about a number, and what is kept of each number for good.

-- One row per thing said. It is a repeat when action, second and site are the same; `unread` tells apart what we have
-- no word for. Names of signers and phones are masked before they come here; a courier's phone has its own column.
-- keyed by: carrier
CREATE TABLE scan (
    carrier         text NOT NULL,
    number          text NOT NULL,
    happened_at     timestamptz NOT NULL,     -- whole seconds
    action          text NOT NULL,            -- tracking/model.py
    site            text NOT NULL,            -- the site's code, else its name
    unread          text NOT NULL,            -- the carrier's own code where `action` is other, else ''
    site_name       text NOT NULL,
    city            text NOT NULL,
    division_code   text NOT NULL,
    next_site       text NOT NULL,
    content         text NOT NULL,
    signer          text NOT NULL,            -- masked
    courier         text NOT NULL,
    courier_phone   text NOT NULL,
    new_carrier     text NOT NULL,            -- where it goes on under another number
    new_number      text NOT NULL,
    namespace       text NOT NULL,            -- whose codes these are
    raw_code        text NOT NULL,
    raw_sub_code    text NOT NULL,
    heard_at        timestamptz NOT NULL,
    PRIMARY KEY (carrier, number, happened_at, action, site, unread)
) PARTITION BY RANGE (happened_at);
CREATE INDEX scan_unread ON scan (carrier, namespace, unread) WHERE unread <> '';

-- What all scans of a number come to, and whether they have reached its waybill. Numbers that nobody has here stand
-- here too: a risk signal. `first_scan_at` is the first scan that shows the parcel in the carrier's hands.
-- keyed by: carrier
CREATE TABLE scanned_number (
    carrier         text NOT NULL,
    number          text NOT NULL,
    first_scan_at   timestamptz,
    last_scan_at    timestamptz NOT NULL,
    last_action     text NOT NULL,
    last_site       text NOT NULL,
    last_city       text NOT NULL,
    signed_at       timestamptz,
    returned_at     timestamptz,
    scans           integer NOT NULL,
    heard_at        timestamptz NOT NULL,     -- the first of them
    -- what the directory said when it was asked last; no merchant: nobody's number here
    asked_at        timestamptz,
    merchant_id     bigint,
    -- the waybill that the scans were applied to; empty until there is one
    waybill_number  text,
    waybill_month   date,
    PRIMARY KEY (carrier, number)
) WITH (fillfactor = 80);
CREATE INDEX scanned_number_waiting ON scanned_number (carrier, number) WHERE waybill_month IS NULL;
-- texts on paper that mean another number (JD's packages)
CREATE INDEX scanned_number_paper ON scanned_number (carrier, waybill_number) WHERE waybill_number <> number;

ALTER TABLE waybill ADD COLUMN signed_at timestamptz;
ALTER TABLE waybill ADD COLUMN returned_at timestamptz;
