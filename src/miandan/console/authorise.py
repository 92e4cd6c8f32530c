"""The door at /authorize: a shop or a carrier lets an app in. `?service_id=APP&state=...` as on the Doudian platform.

Two steps. The consent word says who is there (access/consents.py); only then the page names the shop and its merchant,
and asks which scopes the app shall have. Agreed, the browser goes to the app's registered URL with code and state, or
shows the code. Neither word nor code ever stands in an address of ours. A login will take the place of the first step:
what the second needs is a subject and proof of it.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from miandan.access import consents, tokens
from miandan.access.calls import new_log_id
from miandan.access.consents import Proof
from miandan.access.model import Subject, SubjectKind, read_scopes
from miandan.access.scopes import Scope as Grant
from miandan.access.scopes import meanings, usual_scopes
from miandan.access.terms import terms_at
from miandan.access.turnstile import Turnstile, address_of
from miandan.carriers.catalogue import catalogue
from miandan.console import pages
from miandan.console.links import Link, read_link, way_back, way_here
from miandan.console.pages import Choice, Fact, Frame
from miandan.console.web import SELF, Answer, BrowserCookie, Form, read_form, send_page
from miandan.hall import Hall
from miandan.kernel.asgi import Door, Receive, Scope, Send
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained, told_outside
from miandan.merchants import service as merchants

PATHS: Final = ("/authorize", "/authorize/")

_STATUS: Final = {
    "access.app_forbidden": 403,
    "access.app_unknown": 404,
    "console.nothing_here": 404,
    "consent.throttled": 429,
}
_FORBIDDEN, _BAD, _FAILED = 403, 400, 500
_MINUTE: Final = timedelta(minutes=1)
_OF_THE_WORD: Final = "consent."


def authorise_door(hall: Hall) -> Door:
    """GET shows the page, POST takes its two forms."""
    desk = _Desk(hall, Turnstile(), BrowserCookie(hall.public_url.startswith("https:")))

    async def authorise(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            answer = await desk.answer(scope, receive)
        except Exception as error:
            answer = desk.refused(told_outside(explained(error), new_log_id()))
        if answer is not None:
            await send_page(send, answer, with_body=scope["method"] != "HEAD")

    return authorise


@dataclass(frozen=True, slots=True)
class _Visit:
    """One look at the page, or one form of it: what it is about, in which browser, from where."""

    frame: Frame
    cookie: str
    address: str


class _Desk:
    """Where the page is served. Nothing is kept between two forms but what stands in them and in the database."""

    def __init__(self, hall: Hall, turnstile: Turnstile, cookie: BrowserCookie) -> None:
        self._hall = hall
        self._turnstile = turnstile
        self._cookie = cookie

    async def answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """None where the browser left. Raises whatever a person has to be told."""
        peer = scope["client"][0] if scope.get("client") else ""
        address = address_of(peer, scope["headers"])
        self._turnstile.admit_view(address, now())
        if scope["path"] not in PATHS:
            raise Refusal("console.nothing_here")
        if scope["method"] == "POST":
            form = await read_form(scope, receive)
            return None if form is None else await self._take(form, self._cookie.read(scope), address)
        if scope["method"] not in ("GET", "HEAD"):
            return replace(self.refused(Refusal("console.nothing_here")), status=405)
        cookie = self._cookie.read(scope)
        frame = await self._frame(read_link(scope["query_string"]))
        if cookie:
            return _word_answer(_Visit(frame, cookie, address))
        fresh = self._cookie.fresh()
        return replace(_word_answer(_Visit(frame, fresh, address)), cookie=self._cookie.header(fresh))

    def refused(self, problem: Refusal, start_again: str = "") -> Answer:
        body = pages.refusal_page(problem, sandbox=self._hall.sandbox, start_again=start_again)
        failed = problem.code.startswith(("failure.", "database."))
        return Answer(
            _STATUS.get(problem.code, _FAILED if failed else _BAD),
            body,
            pages.style(),
            retry_after=_retry_after(problem),
        )

    async def _frame(self, link: Link) -> Frame:
        asking = await consents.asking(self._hall.db, link.app_key, link.redirect_url)
        return Frame(asking.app, replace(link, redirect_url=asking.redirect_url), self._hall.sandbox)

    async def _take(self, form: Form, cookie: str, address: str) -> Answer:
        state = form.one("state") if form.all("state") else None
        link = Link(form.one("service_id"), form.one("redirect_url"), state)
        step, ticket = form.one("step"), form.one("ticket")
        if not cookie or not hmac.compare_digest(form.one("seal").encode(), _seal(cookie, link, step, ticket).encode()):
            return replace(self.refused(Refusal("console.page_stale"), way_here(link)), status=_FORBIDDEN)
        visit = _Visit(await self._frame(link), cookie, address)
        try:
            if step == pages.WORD:
                return await self._take_word(visit, form.one("word"))
            return await self._take_decision(visit, form, ticket)
        except Refusal as problem:
            if not problem.code.startswith(_OF_THE_WORD):
                raise
            status = _STATUS.get(problem.code, _FORBIDDEN)
            return replace(_word_answer(visit, problem), status=status, retry_after=_retry_after(problem))

    async def _take_word(self, visit: _Visit, word: str) -> Answer:
        app = visit.frame.app
        self._turnstile.admit_try(visit.address, app.app_key, now())
        proof = await consents.prove(self._hall.db, app.app_key, word)
        return await self._choice(visit, proof, usual_scopes(proof.subject.kind))

    async def _take_decision(self, visit: _Visit, form: Form, ticket: str) -> Answer:
        frame = visit.frame
        if form.one("decision") != pages.AGREE:
            return Answer(200, pages.declined_page(frame), pages.style())
        ticked = read_scopes(form.all("scope"))
        try:
            code = await consents.agree(self._hall.db, frame.app.app_key, ticket, ticked, frame.link.redirect_url)
        except Refusal as problem:
            if problem.code != "consent.nothing_ticked":
                raise
            proof = await consents.proven(self._hall.db, frame.app.app_key, ticket)
            return await self._choice(visit, proof, ticked, problem)
        if frame.link.redirect_url:
            return Answer(303, location=way_back(frame.link.redirect_url, code, frame.link.state))
        lives = terms_at(now()).code
        return Answer(200, pages.code_page(frame, code, lives // _MINUTE, now() + lives), pages.style())

    async def _choice(
        self, visit: _Visit, proof: Proof, ticked: Collection[Grant], problem: Refusal | None = None
    ) -> Answer:
        """The second page, for whoever the proof is of."""
        frame = visit.frame
        known = await tokens.authorisations_of_subject(self._hall.db, proof.subject)
        choice = Choice(
            await self._named(proof.subject),
            consents.offered(frame.app, proof.subject.kind),
            ticked,
            proof.ticket,
            proof.until,
            any(one.app_key == frame.app.app_key and one.revoked_at is None for one in known),
        )
        seal = _seal(visit.cookie, frame.link, pages.CONSENT, proof.ticket)
        body = pages.consent_page(frame, seal, choice, problem)
        return Answer(200 if problem is None else _BAD, body, pages.style(), sends_to=_leads_to(frame.link))

    async def _named(self, subject: Subject) -> list[Fact]:
        """Whom the proof is of, in names. Raises shop.unknown for a shop that has closed meanwhile."""
        if subject.kind is SubjectKind.CARRIER:
            return [Fact("快递公司", "Carrier", catalogue().get(subject.carrier).zh, subject.carrier)]
        merchant = await merchants.find_merchant(self._hall.db, subject.merchant_id)
        facts = [Fact("商家", "Merchant", merchant.name, str(merchant.merchant_id))]
        if subject.shop_id:
            shop = await merchants.find_shop(self._hall.db, subject.merchant_id, subject.shop_id)
            if shop.closed_at is not None:
                raise Refusal("shop.unknown", shop=subject.shop_id)
            facts.insert(0, Fact("店铺", "Shop", shop.name, shop.shop_id))
        return facts


def _word_answer(visit: _Visit, problem: Refusal | None = None) -> Answer:
    """The first page. It says what the app may ask of anybody: who is there is not known yet."""
    asked = [meaning for meaning in meanings() if meaning.scope in visit.frame.app.scopes]
    seal = _seal(visit.cookie, visit.frame.link, pages.WORD, "")
    return Answer(200, pages.word_page(visit.frame, seal, asked, problem), pages.style())


def _retry_after(problem: Refusal) -> int | None:
    """Seconds, where it says so."""
    seconds = problem.fields.get("seconds")
    return seconds if isinstance(seconds, int) else None


def _seal(cookie: str, link: Link, step: str, ticket: str) -> str:
    """What only the browser with this cookie gets from us, for this page of this link."""
    parts = (step, link.app_key, link.redirect_url, "absent" if link.state is None else f"={link.state}", ticket)
    text = "\n".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(cookie.encode(), text.encode("utf-8", errors="surrogatepass"), hashlib.sha256).hexdigest()


def _leads_to(link: Link) -> tuple[str, ...]:
    """Browsers hold form-action against every redirect after a form (seen in Chromium 156), so an app's page that
    sends its visitor on to another host of its own would be cut off by a narrower rule than this."""
    if not link.redirect_url:
        return (SELF,)
    return (SELF, "https:", "http:") if link.redirect_url.startswith("http:") else (SELF, "https:")
