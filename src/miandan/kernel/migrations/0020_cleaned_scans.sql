-- Scans name persons. A scan is shown to a merchant as it was said only after the recipient of its number was hidden in
-- it; until then, and for ever where nobody knows the recipient, in the words of its action.
ALTER TABLE scan ADD COLUMN cleaned_at timestamptz;
-- the same for the last site and city that stand here; empty again with every new scan
ALTER TABLE scanned_number ADD COLUMN cleaned_at timestamptz;
