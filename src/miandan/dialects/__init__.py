"""Interfaces of other platforms, spoken so that their clients run unmodified.

A dialect translates: its signing, its envelope, its error table, one small function per method. What a method means
lives in the noun below.
"""
