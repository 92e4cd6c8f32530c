"""The print agent (打印端): the program beside the printers. It opens a link to the server, journals, renders, prints.

It imports labels/ and kernel/ only, so that it runs on a machine without a database. Label data lives in its memory
alone: on its disk are keys, the journal of sheet ids and waybill numbers, and for a moment the spool of drivers that
need files.
"""
