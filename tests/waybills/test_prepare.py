"""A recipient that comes under lock keeps the search indexes that still are with it, and gets no others."""

from msgspec import structs

from miandan.waybills.model import ParcelAsk, Route
from miandan.waybills.prepare import prepare
from tests.vault.people import keys_in_memory, someone

ROUTE = Route("", "", "", None)


def test_indexes_that_are_not_kept_yet_go_with_the_waybill_and_no_others() -> None:
    keys = keys_in_memory()
    sealed = keys.seal(someone(), "S1/1")
    ask = ParcelAsk(("S1/1",), "S1/1", sealed, ())
    assert prepare(ask, keys, ROUTE).search_index == sealed.index
    for other in (sealed._replace(index=b""), sealed._replace(key=None)):  # read from an order's row; shredded
        assert prepare(structs.replace(ask, recipient=other), keys, ROUTE).search_index is None
