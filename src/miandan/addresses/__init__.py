"""Reads what people write: name, phone, province, city, district, town, detail, division code.

Our own parser over a dated division table with rename history. No database, no network.
"""
