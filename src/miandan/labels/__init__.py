"""The label engine: a label's data in, a PDF out, barcodes on whole printer dots.

Pure computation over fonts and templates that lie beside it. Knows no order, no account and no database.
"""
