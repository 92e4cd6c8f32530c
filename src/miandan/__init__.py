"""miandan (面单): an open, self-hosted electronic-waybill platform.

One folder per noun of the trade; a folder imports only from floors below its own (docs/house.md).
"""
