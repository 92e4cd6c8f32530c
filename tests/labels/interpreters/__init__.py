"""Strict readers of printer languages, written from the manuals by somebody who has not seen our emitters.

No foreign program draws TSPL or CPCL, so these stand in for the printers: they take what the manual documents and
refuse everything else. `tspl`, `cpcl` and `escpos` each have `interpret(data)`, which gives the sheets of paper that
come out. They know no line of `miandan.labels`, and nobody should teach them one.
"""
