"""Programs share one server, start it at most once, and find it still warm shortly afterwards."""

import asyncio
import time
from dataclasses import replace

from miandan.kernel.database import open_database
from tests.kernel.programs import Program, empty_folder, folder, is_gone, postmaster, settings_for, wait_until


def test_two_programs_share_one_server_and_the_starter_may_be_killed() -> None:
    with folder() as data:
        starter = Program.start(data).wait_open()
        second = Program.start(data).wait_open()
        server = postmaster(data)
        starter.kill()
        time.sleep(1)  # longer than the linger time
        assert second.ask("SELECT 1") == "1"
        assert postmaster(data) == server
        second.leave()
        wait_until(lambda: is_gone(server))


def test_programs_that_start_together_start_one_server() -> None:
    with empty_folder() as data:
        programs = [Program.start(data) for _ in range(4)]
        servers = {program.wait_open().ask("SELECT pg_postmaster_start_time()") for program in programs}
        assert len(servers) == 1
        for program in programs:
            program.leave()


async def test_the_server_stays_warm_for_the_linger_time_and_joining_it_is_quick() -> None:
    with folder() as data:
        settings = replace(settings_for(data), linger_seconds=60.0)
        began = time.perf_counter()
        async with open_database(settings):
            started = time.perf_counter() - began
            server = postmaster(data)
        joined = []
        for _ in range(5):
            began = time.perf_counter()
            async with open_database(settings) as db:
                joined.append(time.perf_counter() - began)
                assert await db.fetchval("SELECT 1") == 1
            assert postmaster(data) == server
        assert min(joined) < started / 10, (joined, started)


async def test_a_program_that_comes_while_the_server_stops_gets_a_new_one() -> None:
    with folder() as data:
        settings = replace(settings_for(data), linger_seconds=0.0)
        for _ in range(6):
            async with open_database(settings, pool_size=1) as db:
                assert await db.fetchval("SELECT 1") == 1
            await asyncio.sleep(0.1)  # about when the supervisor finds itself alone
