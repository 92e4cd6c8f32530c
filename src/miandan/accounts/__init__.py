"""Applications, accounts at a branch, units and their ledger, leases, share grants.

Units come only from a branch's stock; every change is an entry in the ledger.
"""
