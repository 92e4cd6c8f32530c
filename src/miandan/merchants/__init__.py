"""Merchants as legal subjects, their shops of dated types, and stores (门店).

A merchant may have many shops or none.
"""
