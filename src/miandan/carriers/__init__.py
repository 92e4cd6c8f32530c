"""Dated knowledge of carriers: names, codes per namespace, number rules, products, services, waiting days.

All of it is TOML beside this file, each row with validity, source and confidence. Read once; no I/O beyond that.
"""
