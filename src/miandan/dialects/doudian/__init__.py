"""The Doudian open platform's interface: signed calls at /a/bCd, e-waybills, shipping, ciphertext, print data.

What is spoken is what public clients of that platform send and expect; docs/dialects/doudian.md says what is covered
and what is our own design. No rule of the trade stands here, and no SQL.
"""
