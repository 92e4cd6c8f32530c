"""Printing (打印): print jobs and what became of each sheet, print data for a shop's print component, the agents that
may open both, templates to fetch, the packing table.

This room reads orders and waybills and counts copies; it changes nothing else of theirs. Agents speak to it through
link/, the program beside the printer is agent/.
"""
