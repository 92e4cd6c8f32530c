"""A call as its method sees it, and the list of methods.

`@method` puts a function on the list; the gateway has checked signature, token, scope and fields before it runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from pkgutil import iter_modules
from typing import Any

from msgspec import Struct

from miandan.access.model import App, Caller, Scope, SubjectKind
from miandan.hall import Hall
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal


class Call(Struct, frozen=True):
    """One call: who calls, and the business JSON as its table reads it. `beside` are parameters that nobody signed."""

    hall: Hall
    app: App
    who: Caller | None
    params: Mapping[str, Any]
    log_id: str
    beside: Mapping[str, str]

    @property
    def db(self) -> Database:
        return self.hall.db

    @property
    def caller(self) -> Caller:
        """Whoever the access token speaks for; only token.* is called without one."""
        assert self.who is not None, "the gateway lets no call in without a token"
        return self.who

    @property
    def merchant_id(self) -> int:
        return self.caller.subject.merchant_id

    @property
    def shop_id(self) -> str:
        return self.caller.subject.shop_id

    @property
    def carrier(self) -> str:
        """Of a carrier's token."""
        return self.caller.subject.carrier


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method that is offered, and the function that answers its `data`.

    `scopes`: what a token needs, by whom it may speak for. Empty: no token at all, as for token.*.
    """

    name: str
    scopes: Mapping[SubjectKind, Scope]
    handler: Handler


_offered: dict[str, Method] = {}


def method(name: str, scope: Scope, subject: SubjectKind = SubjectKind.SHOP) -> Callable[[Handler], Handler]:
    """Offer a method: `scope` that the token needs, and whom it must speak for."""
    return _offer(name, {subject: scope})


def method_of_each(name: str, scopes: Mapping[SubjectKind, Scope]) -> Callable[[Handler], Handler]:
    """Offer a method to tokens of several kinds, each with the scope that it needs."""
    return _offer(name, scopes)


def method_without_token(name: str) -> Callable[[Handler], Handler]:
    """Offer a method to whoever signs with an app's secret."""
    return _offer(name, {})


def _offer(name: str, scopes: Mapping[SubjectKind, Scope]) -> Callable[[Handler], Handler]:
    def put(handler: Handler) -> Handler:
        _offered[name.lower()] = Method(name, scopes, handler)
        return handler

    return put


@cache
def methods() -> Mapping[str, Method]:
    """Every method that is offered, by its name in small letters."""
    package = import_module("miandan.dialects.doudian.methods")
    for file in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(file.name)  # puts its functions on the list
    return _offered


def find_method(name: str) -> Method:
    """Raises doudian.method_not_offered for one that the platform has and we do not, doudian.method_unknown else."""
    found = methods().get(name.lower())
    if found is None:
        raise Refusal("doudian.method_not_offered" if name.lower() in _known() else "doudian.method_unknown")
    return found


def noted_name(name: str) -> str:
    """A method as a call is noted by: what is no method of the platform is a client's own text, and may be anybody."""
    found = methods().get(name.lower())
    if found is not None:
        return found.name
    return name.lower() if name.lower() in _known() else "?"


@cache
def _known() -> frozenset[str]:
    """Methods that public clients of the platform know, in small letters."""
    text = resources.files("miandan.dialects.doudian").joinpath("known_methods.txt").read_text(encoding="utf-8")
    return frozenset(line.lower() for line in text.splitlines() if line and not line.startswith("#"))
