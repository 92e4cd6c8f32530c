"""Real parcel addresses, labelled by others: the shares of right rows, seen and held out (bench/addresses.py)."""

import pytest
from bench import addresses as bench

pytestmark = pytest.mark.skipif(not bench.DATA.is_file(), reason="parcel-addresses.tsv is not beside the project")


@pytest.mark.parametrize("held_out", [False, True])
def test_at_least_97_percent_of_the_rows_have_every_stated_level_right(held_out: bool) -> None:
    right, total = bench.right_share(held_out)
    assert total > 1200
    assert right / total >= bench.TARGET_RIGHT
