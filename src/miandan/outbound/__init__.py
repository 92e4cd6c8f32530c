"""Outbound: what a merchant says went out (发货), under which number, and every correction of it.

A ship statement is dated and can be withdrawn; it moves the order and its waybill in one transaction. May use
waybills and all floors below; other rooms of its floor learn of it by outbox.
"""
