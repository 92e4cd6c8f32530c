"""Printer drivers (打印机驱动): one sheet to one device, and what the device really said about it.

`model.py` is the interface, `opening.py` turns printers.toml into printers, the other files are one driver each.
"""
