"""What a page's frame says: JSON of any shape becomes a task with its documents, or a refusal that names the place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from miandan.agent.components.profiles import Component
from miandan.kernel.errors import Refusal

MOST_FRAME: Final = 4_000_000
"""Bytes: ten documents with the largest print data there is."""

_LONGEST_NAME: Final = 200
_LONGEST_ECHO: Final = 500
_MOST_COPIES: Final = 100
_OURS: Final = "TURQM"
"""How base64 of MDP1 begins."""

_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_:.]{0,40}", re.ASCII)
_TEMPLATES: Final = ("templateURL", "templateUrl", "template_url", "tempUrl")


@dataclass(frozen=True, slots=True)
class Content:
    """One area of a document: print data that is encrypted or plain, its template, and what is put over it."""

    encrypted: str = field(default="", repr=False)
    signature: str = field(default="", repr=False)
    params: str = field(default="", repr=False)
    template_url: str = ""
    data: Any = field(default=None, repr=False)
    add: Mapping[str, Any] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_ours(self) -> bool:
        return self.encrypted.startswith(_OURS)

    @property
    def is_foreign(self) -> bool:
        return bool(self.encrypted) and not self.is_ours


@dataclass(frozen=True, slots=True)
class Document:
    """One label of a task; `said` is what the same content says when it comes again, without signed queries."""

    document_id: str
    contents: tuple[Content, ...] = field(repr=False)
    copies: int
    said: bytes = field(repr=False)

    @property
    def is_foreign(self) -> bool:
        return any(content.is_foreign for content in self.contents)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be printed or previewed."""

    task_id: str
    given_id: Any  # as it was written, to be echoed
    documents: tuple[Document, ...]
    printer: str = ""
    preview: bool = False
    picture: bool = False  # the preview, instead of PDF
    tells: frozenset[str] = frozenset({"render", "print"})
    first: int = 1

    @property
    def is_foreign(self) -> bool:
        return all(document.is_foreign for document in self.documents)


def read_frame(frame: str | bytes) -> dict[str, Any]:
    """Raises agent.component_frame_wrong."""
    try:
        plain = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        raise Refusal("agent.component_frame_wrong") from None
    if not isinstance(plain, dict):
        raise Refusal("agent.component_frame_wrong")
    return plain


def safe_name(text: object) -> str:
    """A word of a page as it may stand in a refusal."""
    return str(text) if _SAFE.fullmatch(str(text)) else "?"


def echoed(value: Any) -> Any:
    """What is given back as it came, whatever its type; "" for a list or an object that is large."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return value if len(msgspec.json.encode(value)) <= _LONGEST_ECHO else ""


def read_task(plain: Mapping[str, Any], component: Component) -> Task:
    """The task of a print request, nested under `task` or flat.

    Raises agent.component_task_wrong, agent.component_no_documents, agent.component_too_many_documents.
    """
    task = task_of(plain)
    documents = task.get("documents")
    if isinstance(documents, dict):
        documents = [documents]
    given = echoed(task.get("taskID", task.get("taskId", "")))
    if documents is not None and not isinstance(documents, list):
        raise Refusal("agent.component_task_wrong", where="documents")
    if not documents:
        raise Refusal("agent.component_no_documents")
    refuse_too_many(documents, component)
    tells = task.get("notifyType", ["render", "print"])
    return Task(
        name_of(given, "taskID"),
        given,
        tuple(_document(one, place) for place, one in enumerate(documents)),
        text_of(task, "printer"),
        task.get("preview") is True or task.get("preview") == "true",
        str(task.get("previewType", "pdf")).lower().startswith(("im", "png")),
        frozenset(one for one in tells if isinstance(one, str)) if isinstance(tells, list) else frozenset({"print"}),
        _whole(task.get("firstDocumentNumber"), 1),
    )


def task_of(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where a print request says what is to be printed."""
    nested = plain.get("task")
    return nested if isinstance(nested, Mapping) else plain


def refuse_too_many(documents: list[Any], component: Component) -> None:
    if len(documents) > component.most_documents:
        raise Refusal("agent.component_too_many_documents", limit=component.most_documents, asked=len(documents))


def name_of(value: Any, where: str) -> str:
    """An id as text. Raises agent.component_task_wrong."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= _LONGEST_NAME:
        raise Refusal("agent.component_task_wrong", where=where)
    return str(value)


def _document(plain: Any, place: int) -> Document:
    where = f"documents[{place}]"
    if not isinstance(plain, dict):
        raise Refusal("agent.component_task_wrong", where=where)
    given = plain.get("documentID", plain.get("documentId", plain.get("docNo")))
    contents = plain.get("contents")
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents or not all(isinstance(one, dict) for one in contents):
        raise Refusal("agent.component_task_wrong", where=f"{where}.contents")
    read = tuple(part for one in contents for part in _contents(one, where))
    return Document(name_of(given, f"{where}.documentID"), read, _copies(plain, where), said(contents))


def _copies(plain: Mapping[str, Any], where: str) -> int:
    """How many are wanted, one where nothing is said. Raises agent.component_task_wrong for what is no number of
    copies: half a copy is not rounded."""
    given = plain.get("copy")
    copies = 1 if given is None or given == "" else _whole(given, 0)
    if not 1 <= copies <= _MOST_COPIES:
        raise Refusal("agent.component_task_wrong", where=f"{where}.copy")
    return copies


def said(contents: list[Any]) -> bytes:
    """The contents in one way of writing, without the query that differs each time it is signed."""
    kept = [{name: value for name, value in one.items() if name != "params"} for one in contents]
    return msgspec.json.encode(kept, order="deterministic")


def _contents(one: dict[str, Any], where: str) -> Iterator[Content]:
    """A content, and behind it the custom area that some platforms put into the same object."""
    template = next((str(one[name]) for name in _TEMPLATES if isinstance(one.get(name), str)), "")
    yield Content(
        text_of(one, "encryptedData", where),
        text_of(one, "signature", where),
        text_of(one, "params", where),
        template,
        one.get("data"),
        _object(one, "addData"),
        _object(one, "config"),
    )
    yield from custom_area(one, where)


def custom_area(one: Mapping[str, Any], where: str) -> Iterator[Content]:
    """The custom area that stands in the same object as the area it belongs to, if any."""
    if one.get("customData") is not None or one.get("customTempUrl"):
        yield Content(data=one.get("customData") or {}, template_url=text_of(one, "customTempUrl", where))


def _object(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = plain.get(name)
    if isinstance(value, str):  # some programs write an object as its text
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def text_of(plain: Mapping[str, Any], name: str, where: str = "") -> str:
    """A text; "" where there is none. Raises agent.component_task_wrong for anything else."""
    value = plain.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal("agent.component_task_wrong", where=f"{where}.{name}".lstrip("."))
    return value


def _whole(value: Any, otherwise: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
