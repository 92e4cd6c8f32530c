"""Tests of the native API: a developer at the door of a real server."""
