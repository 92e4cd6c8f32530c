"""Calls to a carrier's own API, behind one interface that says what each carrier can repeat and be asked.

Holds the fake carrier of the sandbox, which can fail in every way that a real one does.
"""
