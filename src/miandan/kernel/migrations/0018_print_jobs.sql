-- Print jobs: batches of sheets in a fixed order, each sheet with one agent at a time; printers, grants, pairing codes.

-- Agents of a branch print for the merchants that it lets in; merchant_id is 0 for them.
ALTER TABLE print_agent
    ADD COLUMN owner_kind  text NOT NULL DEFAULT 'merchant',
    ADD COLUMN carrier     text NOT NULL DEFAULT '',
    ADD COLUMN branch_code text NOT NULL DEFAULT '',
    ADD COLUMN signing_key bytea CHECK (length(signing_key) = 32),  -- NULL: opens print data only, has no link
    ADD COLUMN version     text NOT NULL DEFAULT '',
    ADD COLUMN seen_at     timestamptz,
    ADD CONSTRAINT print_agent_owner CHECK (
        owner_kind = 'merchant' AND merchant_id > 0 AND carrier = '' AND branch_code = ''
        OR owner_kind = 'branch' AND merchant_id = 0 AND carrier <> '' AND branch_code <> '');
-- a link says only which agent it is
CREATE INDEX print_agent_by_id ON print_agent (agent_id);

-- Codes that let a computer pair, once. The first letters find the row, the rest lies here as SHA-256.
-- keyed by: selector
CREATE TABLE print_pairing (
    selector    text        NOT NULL PRIMARY KEY,
    code_hash   bytea       NOT NULL,
    owner_kind  text        NOT NULL CHECK (owner_kind IN ('merchant', 'branch')),
    merchant_id bigint      NOT NULL,          -- 0 for a branch
    carrier     text        NOT NULL,
    branch_code text        NOT NULL,
    made_at     timestamptz NOT NULL,
    made_by     text        NOT NULL,
    expires_at  timestamptz NOT NULL,
    wrong_tries integer     NOT NULL DEFAULT 0,
    used_at     timestamptz,
    agent_id    uuid,
    CHECK ((used_at IS NULL) = (agent_id IS NULL))
);

-- Printers as their agents describe them; merchant_id is the agent's, 0 for a branch.
CREATE TABLE print_printer (
    merchant_id bigint      NOT NULL,
    agent_id    uuid        NOT NULL,
    name        text        NOT NULL,
    driver      text        NOT NULL,
    profile     text        NOT NULL,
    dpi         integer     NOT NULL,
    width_um    integer     NOT NULL,
    height_um   integer     NOT NULL,
    state       text        NOT NULL CHECK (state IN ('ready', 'busy', 'trouble', 'offline', 'unknown')),
    detail      text        NOT NULL,
    seen_at     timestamptz NOT NULL,
    gone_at     timestamptz,
    PRIMARY KEY (merchant_id, agent_id, name)
);
CREATE INDEX print_printer_of_agent ON print_printer (agent_id);

-- Cloud printing: agents of branches that print for a merchant.
CREATE TABLE print_grant (
    merchant_id bigint      NOT NULL,
    agent_id    uuid        NOT NULL,
    granted_at  timestamptz NOT NULL,
    granted_by  text        NOT NULL,
    revoked_at  timestamptz,
    revoked_by  text        NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, agent_id),
    CHECK ((revoked_at IS NULL) = (revoked_by = ''))
);

-- A job's state is that of its sheets; only the pause is its own. `drained` says that no sheet is queued, so that an
-- agent that asks for work does not look through all that was ever printed; whoever queues a sheet holds the job.
CREATE TABLE print_job (
    merchant_id bigint      NOT NULL,
    job_id      uuid        NOT NULL,
    request_id  text        NOT NULL,          -- of the caller, for retries; '' without
    shop_id     text,                          -- NULL: any shop of the merchant
    agent_id    uuid        NOT NULL,          -- where its queued sheets go
    printer     text        NOT NULL,
    template    text        NOT NULL,          -- name@version; '' for each carrier's standard one
    kind        text        NOT NULL CHECK (kind IN ('first', 'reprint')),
    reason      text        NOT NULL,          -- code of printing/reprints.toml
    words       text        NOT NULL,
    sheets      integer     NOT NULL CHECK (sheets > 0),
    refused     jsonb       NOT NULL,          -- carrier, number and code of what was asked for and not queued
    made_by     text        NOT NULL,
    made_at     timestamptz NOT NULL,
    paused_at   timestamptz,
    paused_by   text        NOT NULL DEFAULT '',
    drained     boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (merchant_id, job_id),
    CHECK ((kind = 'reprint') = (reason <> '')),
    CHECK ((paused_at IS NULL) = (paused_by = ''))
);
CREATE INDEX print_job_waiting ON print_job (agent_id, printer, made_at, job_id) WHERE NOT drained;
CREATE INDEX print_job_made ON print_job (merchant_id, made_at, job_id);
CREATE UNIQUE INDEX print_job_request ON print_job (merchant_id, request_id) WHERE request_id <> '';

-- One label of a job. `lease` counts how often it was given to an agent; agent and printer are those of the last time.
-- `copy` is what the label says, drawn under the waybill's lock when the sheet is given out and written into
-- waybill.copies then; 0 before. `copy_free` says that the agent gave the sheet back before a byte, so the copy is
-- nobody's paper. `drawn` counts the copies that this sheet has counted in waybill.copies.
CREATE TABLE print_sheet (
    merchant_id   bigint      NOT NULL,
    sheet_id      uuid        NOT NULL,
    job_id        uuid        NOT NULL,
    place         integer     NOT NULL CHECK (place > 0),
    carrier       text        NOT NULL,
    number        text        NOT NULL,
    month         date        NOT NULL,
    version       integer     NOT NULL,        -- of the waybill's document when the job was made
    printed_version integer,                   -- of the document that the agent was given last
    state         text        NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'leased', 'sent', 'printed', 'failed', 'doubtful', 'stopped',
                                   'cancelled')),
    agent_id      uuid,
    printer       text        NOT NULL DEFAULT '',
    lease         integer     NOT NULL DEFAULT 0,
    copy          integer     NOT NULL DEFAULT 0,
    copy_free     boolean     NOT NULL DEFAULT false,
    drawn         integer     NOT NULL DEFAULT 0,
    evidence      text        NOT NULL DEFAULT ''
                  CHECK (evidence IN ('', 'device', 'spooler', 'sent_only', 'person')),
    reason        text        NOT NULL DEFAULT '',
    decided_by    text        NOT NULL DEFAULT '' CHECK (decided_by IN ('', 'agent', 'person')),
    recalled_to   text        CHECK (recalled_to IN ('queued', 'stopped', 'cancelled')),
    recall_reason text        NOT NULL DEFAULT '',
    queued_at     timestamptz NOT NULL,
    leased_at     timestamptz,
    begun_at      timestamptz,
    ended_at      timestamptz,
    steps         integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, sheet_id),
    UNIQUE (merchant_id, job_id, place),
    CONSTRAINT print_sheet_proven CHECK ((state = 'printed') = (evidence <> '')),
    CONSTRAINT print_sheet_given_out CHECK (
        state NOT IN ('leased', 'sent', 'printed', 'doubtful') OR agent_id IS NOT NULL AND copy > 0),
    CONSTRAINT print_sheet_reasoned CHECK (state NOT IN ('failed', 'doubtful', 'stopped') OR reason <> ''),
    CONSTRAINT print_sheet_ended CHECK ((ended_at IS NULL) = (state IN ('queued', 'leased', 'sent'))),
    CONSTRAINT print_sheet_decided CHECK ((decided_by <> '') = (state IN ('printed', 'failed', 'doubtful'))),
    CONSTRAINT print_sheet_recalled CHECK (recalled_to IS NULL OR state IN ('leased', 'sent')),
    CONSTRAINT print_sheet_copy_free CHECK (NOT copy_free OR state = 'queued' AND copy > 0 AND drawn > 0)
);
-- at most one sheet of a number is on its way to paper
CREATE UNIQUE INDEX print_sheet_live ON print_sheet (merchant_id, carrier, number)
    WHERE state IN ('queued', 'leased', 'sent');
CREATE UNIQUE INDEX print_sheet_copy ON print_sheet (merchant_id, carrier, number, copy) WHERE copy > 0;
CREATE INDEX print_sheet_number ON print_sheet (merchant_id, carrier, number);
CREATE INDEX print_sheet_queue ON print_sheet (merchant_id, job_id, place) WHERE state = 'queued';
CREATE INDEX print_sheet_to_check ON print_sheet (merchant_id, queued_at) WHERE state IN ('failed', 'doubtful');
CREATE INDEX print_sheet_held ON print_sheet (agent_id) WHERE state IN ('leased', 'sent');

-- What became of each sheet, step by step; `state` is the one after the step.
CREATE TABLE print_sheet_step (
    merchant_id bigint      NOT NULL,
    sheet_id    uuid        NOT NULL,
    step        integer     NOT NULL,
    at          timestamptz NOT NULL,
    said        text        NOT NULL,          -- queued, leased, begun, reported, recalled, declared, settled, ...
    by          text        NOT NULL,          -- person, agent:<id> or the event
    state       text        NOT NULL,
    lease       integer     NOT NULL,
    agent_id    uuid,
    printer     text        NOT NULL,
    copy        integer     NOT NULL,
    evidence    text        NOT NULL,
    reason      text        NOT NULL,
    agent_at    timestamptz,                   -- by the agent's clock
    PRIMARY KEY (merchant_id, sheet_id, step)
);

-- How many of a waybill's copies were counted by sheets of print jobs; the others by files and commands.
ALTER TABLE waybill ADD COLUMN sheet_copies integer NOT NULL DEFAULT 0;
