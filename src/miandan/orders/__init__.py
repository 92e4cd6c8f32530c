"""Trade orders: read from the files that back offices write or pushed by a marketplace with every change, and kept.

What a spreadsheet has mangled is refused with the remedy, never guessed. What was heard late, twice or in another order
than it happened changes nothing about where an order stands.
"""
