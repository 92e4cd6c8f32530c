"""How long something takes on a machine that does other things too."""

import time
from collections.abc import Callable


def least_seconds(act: Callable[[], object], times: int = 5) -> float:
    """Processor time of this thread for `act`, the least of some runs: other programs and threads do not count, and
    one pass of the collector over all that a test run keeps in memory falls into one run only. (On Windows that clock
    ticks every 16 ms.)"""
    return min(_seconds(act) for _ in range(times))


def _seconds(act: Callable[[], object]) -> float:
    start = time.thread_time()
    act()
    return time.thread_time() - start
