"""The page's door: reads what a browser sent, calls one verb, answers with a page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from miandan.agent.page import calibrate
from miandan.agent.page.admission import OPEN, Admission, forget_port, keep_port, tickets_of
from miandan.agent.page.calibrating import calibrated, calibration
from miandan.agent.page.frame import FINDS, LIVE, part
from miandan.agent.page.http import Answer, Form, Listening, Request, listen
from miandan.agent.page.locked import locked, opened
from miandan.agent.page.model import Components, refuse_pages, shown
from miandan.agent.page.view import Asked, page
from miandan.agent.page.words import Advice, advice_of, said_of
from miandan.agent.pages import CALIBRATION, TEST
from miandan.agent.program import Agent
from miandan.kernel.errors import Refusal
from miandan.labels.whole_file import reason_of

_READS: Final = ("GET", "HEAD")

Verb = Callable[[Form], Awaitable[Answer]]


@asynccontextmanager
async def open_page(agent: Agent, port: int, components: Components) -> AsyncIterator[int]:
    """The page of a running agent until the block ends; its port.

    Where its port is taken the agent goes on without: the log says so, and the port is 0. Raises
    labels.folder_denied, labels.not_writable, labels.disk_full for the agent's folder.
    """
    door = Door(agent, components)

    def wrong(error: str) -> None:
        agent.log.wrong("page.failed", error=error)

    try:
        listening = Listening(door.answer, listen(port), wrong)
        keep_port(agent.folder, listening.port)
    except OSError as failed:
        agent.log.refused("page.closed", Refusal("agent.page_port_taken", port=port, reason=reason_of(failed)))
        yield 0
        return
    await listening.start()
    agent.log.event("page.open", port=listening.port)
    try:
        yield listening.port
    finally:
        forget_port(agent.folder)
        await listening.stop()
        await door.close()


class Door:
    """What may be seen and done, for whoever was let in."""

    def __init__(self, agent: Agent, components: Components) -> None:
        self._agent = agent
        self._components = components
        self._origins = components.origins
        self._questions = components.questions
        self._admission = Admission(tickets_of(agent.folder))
        self._admission.forget_tickets()
        self._printing: set[asyncio.Task[object]] = set()
        self._verbs: dict[str, Verb] = {
            "print": self._print,
            "calibrate": self._calibrate,
            "answer": self._answer,
            "origin": self._origin,
            "settled": self._settled,
            "go": self._go_on,
        }

    async def close(self) -> None:
        for one in list(self._printing):
            one.cancel()
        await asyncio.gather(*self._printing, return_exceptions=True)

    async def answer(self, request: Request) -> Answer:
        """To any request whose Host is ours."""
        if request.path.startswith(OPEN):
            return self._opened(request)
        if not self._admission.admits(request):
            finds = FINDS if request.path == "/" else ""
            return _html(locked(finds=finds), HTTPStatus.FORBIDDEN, script=finds)
        path = request.path.removeprefix(self._admission.place)
        if request.method in _READS:
            return self._seen(path, request)
        if request.method != "POST":
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, "405\n")
        return await self._done(path, request)

    def _opened(self, request: Request) -> Answer:
        if request.method != "GET" or not self._admission.redeem(request.path.removeprefix(OPEN)):
            return _html(locked(), HTTPStatus.FORBIDDEN)
        cookie = self._admission.cookie()
        return Answer(body=opened(self._admission.place), style=part("page.css"), cookie=cookie)

    # --- what is seen

    def _seen(self, path: str, request: Request) -> Answer:
        said = said_of(request.asked("said"), request.asked("site"))
        if path == "":
            return self._page(said)
        if path == "calibrate":
            try:
                return self._calibration(request.asked("printer"), calibrate.Typed(), said)
            except Refusal as why:
                return self._page(None, why)
        return Answer(HTTPStatus.NOT_FOUND, "404\n")

    def _page(self, said: Advice | None, why: Refusal | None = None) -> Answer:
        origins = self._origins
        asked = Asked(origins.waiting(), self._questions.open(), origins.decided(), self._components.ports)
        problem = advice_of(why) if why is not None else None
        body = page(shown(self._agent), asked, self._admission.seal, said, problem)
        return _html(body, HTTPStatus.OK if why is None else HTTPStatus.CONFLICT, script=LIVE)

    def _calibration(
        self, printer: str, given: calibrate.Typed, said: Advice | None, why: Refusal | None = None
    ) -> Answer:
        """Raises agent.printer_unknown."""
        problem = advice_of(why) if why is not None else None
        body = calibrate.page(calibration(self._agent, printer), self._admission.seal, given, said, problem)
        return _html(body, HTTPStatus.OK if why is None else HTTPStatus.CONFLICT)

    # --- what is done

    async def _done(self, path: str, request: Request) -> Answer:
        verb, form = self._verbs.get(path), request.form()
        if verb is None:
            return Answer(HTTPStatus.NOT_FOUND, "404\n")
        if form is None or not self._admission.is_ours(request, form.one("seal")):
            return _html(locked(), HTTPStatus.FORBIDDEN)
        try:
            return await verb(form)
        except Refusal as why:
            return self._page(None, why)

    async def _print(self, form: Form) -> Answer:
        """A test or calibration page; nobody waits here for its end, which paper that is out can put off."""
        printer, kind = form.one("printer"), form.one("page")
        refuse_pages(self._agent, printer, kind)
        task: asyncio.Task[object] = asyncio.create_task(self._agent.print_page(printer, kind))
        self._printing.add(task)
        task.add_done_callback(self._printing.discard)
        await asyncio.sleep(0)  # it is on the bench when the next press comes
        if kind == CALIBRATION:
            return _to("calibrate", said=CALIBRATION, printer=printer)
        return _to("./", said=TEST)

    async def _calibrate(self, form: Form) -> Answer:
        printer, given = form.one("printer"), calibrate.typed(form)
        try:
            await calibrated(self._agent, printer, calibrate.read(given))
        except Refusal as why:
            return self._calibration(printer, given, None, why)
        return _to("calibrate", said="kept", printer=printer)

    async def _answer(self, form: Form) -> Answer:
        match form.one("answer"):
            case "print":
                self._questions.answer(form.one("question"), "print")
            case "skip":
                self._questions.answer(form.one("question"), "skip")
            case _:
                raise Refusal("agent.form_unreadable")
        return _to("./", said=form.one("answer"))

    async def _origin(self, form: Form) -> Answer:
        origin, decision = form.one("origin"), form.one("decision")
        match decision:
            case "allow":
                self._allow(origin, form.all("printer"))
            case "deny":
                self._origins.deny(self._waiting(origin))
            case "forget":
                self._origins.forget(origin)
            case _:
                raise Refusal("agent.form_unreadable")
        return _to("./", said=decision, site=origin)

    async def _settled(self, form: Form) -> Answer:
        """Off the page; what is true of the sheet stays in the journal and on the server."""
        self._agent.see_to(form.one("sheet"))
        return _to("./", said="settled")

    async def _go_on(self, form: Form) -> Answer:
        """Raises agent.printer_unknown."""
        self._agent.bench(form.one("printer")).go_on()
        return _to("./", said="go")

    def _allow(self, origin: str, ticked: tuple[str, ...]) -> None:
        """All printers ticked are all that there will ever be. Raises agent.no_printer_ticked, agent.origin_gone."""
        known = tuple(self._agent.benches)
        if len(known) <= 1:
            ticked = known
        chosen = tuple(one for one in known if one in ticked)
        if known and not chosen:
            raise Refusal("agent.no_printer_ticked")
        self._origins.allow(self._waiting(origin), () if chosen == known else chosen)

    def _waiting(self, origin: str) -> str:
        """Raises agent.origin_gone for one that nobody has asked for."""
        if origin not in self._origins.waiting():
            raise Refusal("agent.origin_gone")
        return origin


def _html(body: str, status: HTTPStatus = HTTPStatus.OK, *, script: str = "") -> Answer:
    return Answer(status, body, part("page.css"), part(script) if script else "")


def _to(path: str, **query: str) -> Answer:
    return Answer(HTTPStatus.SEE_OTHER, location=f"{path}?{urlencode(query)}")
