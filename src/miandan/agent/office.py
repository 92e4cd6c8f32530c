"""A printer of office paper (普通打印机): two or four labels on a sheet, which come out together or not at all.

Labels that wait are put on one sheet in their order; a sheet that is not full goes out when no more labels come. They
are drawn when the printer is free, so that a label which is taken back before is on no paper.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from miandan.agent.bench import Bench, Task
from miandan.agent.rendering import Content, imposed
from miandan.kernel.failures import explained

GATHER_SECONDS: Final = 2.0
"""How long a sheet that is not full waits for more labels."""


class OfficeBench(Bench):
    """A bench whose printer has office paper in it."""

    async def _draw_always(self) -> None:
        """Nothing is drawn ahead."""

    async def _print_always(self) -> None:
        while not self._stopping.is_set():
            tasks = await self._gathered()
            while tasks:
                tasks = await self._print_together(tasks)

    async def _print_together(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """One sheet of paper to its end; those that need another one because some were taken back."""
        self._printing = tasks
        try:
            await self._can_print(tasks)
            drawn, document = await self._drawn_together(tasks)
        except Exception as failed:  # nobody foresaw it; the next sheet goes on
            self._break(tasks, failed)
            self._printing = ()
            return ()
        return await self._print_or_end(drawn, document)

    async def _gathered(self) -> Sequence[Task]:
        """The labels of the next sheet; one that shares no paper is alone on its own."""
        tasks: list[Task] = []
        until = float("inf")
        loop = asyncio.get_running_loop()
        while len(tasks) < self.printer.loaded.per_sheet and loop.time() < until:
            task = await self._next(until)
            if task is None:
                break
            if task.content is None:
                if not tasks:
                    return [task]
                self._waiting.appendleft(task)
                break
            tasks.append(task)
            until = min(until, loop.time() + GATHER_SECONDS)
        return tasks

    async def _next(self, until: float) -> Task | None:
        """The next task that is not over; None when none came until then."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                task = self._waiting.popleft()
                if not task.over:
                    return task
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(None if until == float("inf") else max(until, loop.time())):
                    await self._arrived.wait()
            except TimeoutError:
                return None

    async def _drawn_together(self, tasks: Sequence[Task]) -> tuple[Sequence[Task], bytes]:
        """Those that can be drawn, and their paper; the others end with their codes."""
        loop = asyncio.get_running_loop()
        good: list[tuple[Task, Content]] = []
        for task in tasks:
            if task.over:
                continue
            try:
                if task.content is None:
                    return [task], await loop.run_in_executor(self._drawers, task.draw)
                content = await loop.run_in_executor(self._drawers, task.content)
                await loop.run_in_executor(self._drawers, imposed, [content], self.printer.loaded)
                good.append((task, content))
            except Exception as failed:  # whatever it is, it costs this label only
                self._refuse(task, explained(failed))
        good = [(task, content) for task, content in good if not task.over]
        if not good:
            return [], b""
        drawn, contents = [task for task, _ in good], [content for _, content in good]
        document = await loop.run_in_executor(self._drawers, imposed, contents, self.printer.loaded)
        for task in drawn:
            task.on_drawn(task.slip)
        return drawn, document
