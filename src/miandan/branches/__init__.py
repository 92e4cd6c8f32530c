"""Carrier offices: head office and branches, number pools, stock of units, route tables.

Keyed by carrier. Segments never overlap and obey the number rule.
"""
