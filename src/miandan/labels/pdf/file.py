"""The PDF container: numbered objects, compressed streams, a page tree, the cross-reference table.

Written front to back, so that 100,000 sheets take no more memory than ten; only the place of each object is kept.
The same pages give the same bytes: there is no date and no random id. (ISO 32000-1, section 7.5.)
"""

from array import array
from collections.abc import Iterable
from typing import BinaryIO

try:
    from isal import isal_zlib

    def deflated(data: bytes) -> bytes:
        """Compressed for a page that is written once: speed first."""
        return isal_zlib.compress(data, 0)

    def squeezed(data: bytes) -> bytes:
        """Compressed for an object that stands in the file once: size first."""
        return isal_zlib.compress(data, 2)

except ImportError:  # machines without a wheel of ISA-L
    import zlib

    def deflated(data: bytes) -> bytes:
        """Compressed for a page that is written once: speed first."""
        return zlib.compress(data, 1)

    def squeezed(data: bytes) -> bytes:
        """Compressed for an object that stands in the file once: size first."""
        return zlib.compress(data, 6)


_HEADER = b"%PDF-1.7\n%\xe5\xbf\xab\xe9\x80\x92\n"
_END = b"endobj\n"
_GROUP = 128  # pages under one node of the page tree
_BUFFER = 1 << 16  # bytes gathered before they are written


class PdfFile:
    """A PDF being written to `out`, from wherever that stands. Nothing is complete before `close`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._pending: list[bytes] = [_HEADER]
        self._pending_size = self._written = len(_HEADER)
        self._places = array("q", [0])
        self._groups: list[tuple[int, array[int]]] = []
        self.catalogue = self.reserve()
        self.tree = self.reserve()
        self.pages = 0

    def reserve(self) -> int:
        """Number for an object that is written later."""
        self._places.append(0)
        return len(self._places) - 1

    def put(self, number: int, body: bytes) -> None:
        """Write a reserved object."""
        self._begin(number)
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def add(self, body: bytes) -> int:
        """Write an object and return its number."""
        number = self.reserve()
        self.put(number, body)
        return number

    def add_stream(self, entries: bytes, data: bytes) -> int:
        """Write a compressed stream whose dictionary has further `entries`."""
        packed = squeezed(data)
        number = self.reserve()
        self._begin(number)
        head = b"%d 0 obj\n<<%b/Filter/FlateDecode/Length %d>>\nstream\n" % (number, entries, len(packed))
        self._write(head)
        self._flush()  # a font is large, and each copy of it costs as much as ten pages
        self._write(packed)
        self._write(b"\nendstream\nendobj\n")
        return number

    def add_page(self, content: bytes, entries: bytes = b"") -> None:
        """Write a sheet; paper and resources are the page tree's unless `entries` of its own say otherwise."""
        if self.pages % _GROUP == 0:
            self._groups.append((self.reserve(), array("q")))
        parent, kids = self._groups[-1]
        packed = deflated(content)
        page = len(self._places)
        head = (
            b"%d 0 obj\n<</Type/Page/Parent %d 0 R/Contents %d 0 R%b>>\nendobj\n"
            b"%d 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream\n"
            % (page, parent, page + 1, entries, page + 1, len(packed))
        )
        self._places.append(self._written)
        self._places.append(self._written + head.index(_END) + len(_END))
        self._write(head, packed, b"\nendstream\nendobj\n")
        kids.append(page)
        self.pages += 1

    def close(self, media_box: bytes, resources: bytes, info: bytes) -> None:
        """Write the page tree, what all pages share, and the table of objects."""
        for number, kids in self._groups:
            self.put(
                number,
                b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (self.tree, len(kids), _references(kids)),
            )
        self.put(
            self.tree,
            b"<</Type/Pages/Count %d/Kids[%b]/MediaBox[%b]/Resources<<%b>>>>"
            % (self.pages, _references(number for number, _ in self._groups), media_box, resources),
        )
        # A print dialogue that scales the page would take the bars off the printer's dots.
        viewing = b"/ViewerPreferences<</PrintScaling/None>>"
        self.put(self.catalogue, b"<</Type/Catalog/Pages %d 0 R%b>>" % (self.tree, viewing))
        about = self.add(info)
        self._table(about)
        self._flush()

    def _table(self, about: int) -> None:
        start = self._written
        count = len(self._places)
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
        for first in range(1, count, 4096):
            self._write(b"".join([b"%010d 00000 n \n" % place for place in self._places[first : first + 4096]]))
        self._write(
            b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n"
            % (count, self.catalogue, about, start)
        )

    def _begin(self, number: int) -> None:
        self._places[number] = self._written

    def _write(self, *pieces: bytes) -> None:
        size = sum(map(len, pieces))
        self._written += size
        self._pending += pieces
        self._pending_size += size
        if self._pending_size >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        # An unbuffered target may take less than it is given.
        view = memoryview(data)
        while view:
            view = view[self._out.write(view) :]


def _references(numbers: Iterable[int]) -> bytes:
    return b" ".join([b"%d 0 R" % number for number in numbers])
