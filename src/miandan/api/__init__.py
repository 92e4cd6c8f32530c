"""The native API: JSON over HTTP at /api/v1, described by OpenAPI. It translates and calls one verb: no rule, no SQL.

`security` lets callers in, `models` says what is read and answered, `routes` has one short function per operation,
`errors` turns every failure into one shape.
"""
