"""Trade orders: read from the files that back offices write, checked, merged from sub-orders, kept.

What a spreadsheet has mangled is refused with the remedy, never guessed.
"""
