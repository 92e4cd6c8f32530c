-- Every agent is paired by a code and brings both keys; one without a signing key was never given a sheet.
DELETE FROM print_agent WHERE signing_key IS NULL;
ALTER TABLE print_agent
    ALTER COLUMN signing_key SET NOT NULL,
    ADD COLUMN link uuid;                        -- that it opened last; only this one is given sheets
