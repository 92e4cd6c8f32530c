"""The operations, one file per subject; each translates, calls one verb, and translates its answer."""
