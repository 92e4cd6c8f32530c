"""Printing (打印): print data sealed for a shop's print component, the agents that may open it, templates to fetch.

Print jobs and the agent itself come later. This room may read waybills and count copies, and change nothing else.
"""
