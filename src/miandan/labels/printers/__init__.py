"""What stands between a finished label and a printer: profiles of printers as data, and the languages they speak.

A language turns a 1-bit picture (or, for ZPL with fonts on the printer, the compiled label) and a profile into the
bytes of one sheet for a raw port. Nothing here opens a port or a queue, and no text of a label ever becomes a command.
"""
