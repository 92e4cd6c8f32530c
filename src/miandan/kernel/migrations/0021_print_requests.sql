-- What a request asked to be printed, so that the same request_id with another content is refused, not answered with the
-- first job. NULL without a request_id, and for jobs made before this column.
ALTER TABLE print_job ADD COLUMN fingerprint bytea CHECK (length(fingerprint) = 16);
