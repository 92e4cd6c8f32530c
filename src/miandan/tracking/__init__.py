"""Scans (轨迹): what carriers say about numbers, kept in an inbox, applied to waybills, shown as a route.

The inbox is keyed by carrier and number and takes numbers that nobody knows as well. It may use waybills and every room
below, and knows nothing of printing, shipping or governance.
"""
