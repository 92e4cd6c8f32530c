-- Sheets that print components had from print data: their agent tells of them when they have ended, and counts their
-- copies itself. One job holds those of one task of a page; `sheets` grows with them.
ALTER TABLE print_job
    DROP CONSTRAINT print_job_kind_check,
    ADD CONSTRAINT print_job_kind CHECK (kind IN ('first', 'reprint', 'component'));

-- `above`: how many copies the waybill had when a later one was counted as what its paper says; those between are papers
-- that nobody has told of yet. NULL where the paper is the next copy, and of sheets that the server gave out.
ALTER TABLE print_sheet ADD COLUMN above integer CHECK (above >= 0 AND above < copy);
