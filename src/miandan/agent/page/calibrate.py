"""Calibration on the page: print the sheet, read four numbers off it, type them back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from miandan.agent.page.calibrating import Calibration
from miandan.agent.page.frame import en, form, notice, sheet
from miandan.agent.page.http import Form
from miandan.agent.page.words import Advice, Words
from miandan.agent.pages import CALIBRATION
from miandan.kernel.errors import Refusal
from miandan.labels.printers.readings import CROSS_UM, MODULES, Readings

_MM = 1_000
_MEANT = CROSS_UM // _MM


@dataclass(frozen=True, slots=True)
class Typed:
    """The four fields as they were typed."""

    left: str = ""
    top: str = ""
    darkness: str = ""
    module: str = ""


def typed(form_sent: Form) -> Typed:
    return Typed(*(form_sent.one(name).strip() for name in ("left", "top", "darkness", "module")))


def read(given: Typed) -> Readings:
    """What was typed as readings; what was left empty stays as it is.

    Raises agent.reading_wrong, agent.reading_none.
    """
    if not any((given.left, given.top, given.darkness, given.module)):
        raise Refusal("agent.reading_none")
    return Readings(
        left_mm=_millimetres(given.left),
        top_mm=_millimetres(given.top),
        darkness=_whole(given.darkness),
        module=_whole(given.module),
    )


def _millimetres(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.lower().removesuffix("mm").replace(",", ".").replace("。", ".").strip())
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refusal("agent.reading_wrong", value=text[:20])
    return value


def _whole(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise Refusal("agent.reading_wrong", value=text[:20])
    return int(text)


def page(known: Calibration, seal: str, given: Typed, said: Advice | None = None, problem: Advice | None = None) -> str:
    """The two steps, and how the printer is set now."""
    above = (notice("good", said) if said else "") + (notice("bad", problem, "alert") if problem else "")
    button = f'<button id="sheet" class="quiet">打校准页{en("Print the sheet")}</button>'
    sheet_form = form("print", seal, button, {"printer": known.printer, "page": CALIBRATION, "back": "calibrate"})
    pages = 1 + len(known.steps)
    several = f"共 {pages} 张：一张标尺，{len(known.steps)} 张浓度。" if known.steps else ""
    return sheet(
        f"校准 {known.printer}",
        f'<div class="frame"><p class="back"><a href="./">← 返回{en("Back")}</a></p>{above}<main class="two">'
        f'<section class="card"><h1>校准 <bdi>{escape(known.printer)}</bdi>{en("Calibrate")}</h1>'
        f"<h2>1. 打一张校准页{en('Print the sheet')}</h2>"
        f"<p>{several}用平时的面单纸。{en('On the paper that you use.')}</p>{sheet_form}"
        f"<h2>现在的设置{en('As it is set now')}</h2>{_now(known)}</section>"
        f'<section class="card"><h2>2. 填读数{en("Type what you read")}</h2>'
        f"<p>没读的留空。{en('Leave empty what you did not read.')}</p>{_picture()}"
        f"{form('calibrate', seal, _fields(known, given), {'printer': known.printer})}</section></main></div>",
    )


def _now(known: Calibration) -> str:
    darkness = "打印机自定" if known.darkness is None else str(known.darkness)
    rows = (
        ("偏移", "offset", f"右 {known.offset_x_um / _MM:+.2f} mm，下 {known.offset_y_um / _MM:+.2f} mm"),
        ("浓度", "darkness", darkness),
        ("最细条码", "finest bar", f"{known.finest_module} 点"),
        ("型号", "profile", known.profile),
    )
    cells = "".join(f"<div><dt>{zh}{en(word)}</dt><dd>{escape(value)}</dd></div>" for zh, word, value in rows)
    return f'<dl class="facts">{cells}</dl>'


def _fields(known: Calibration, given: Typed) -> str:
    left = Words(f"左边到十字竖线，毫米（应为 {_MEANT}）", f"Left edge to the cross, mm (meant: {_MEANT})")
    top = Words(f"上边到十字横线，毫米（应为 {_MEANT}）", f"Top edge to the cross, mm (meant: {_MEANT})")
    darkness = Words("最清楚的一张浓度页上的号码", "Number on the clearest page of darkness")
    module = Words("扫码枪读得出的最小条码号", "Smallest number that the scanner reads")
    fields = [_number("left", left, given.left), _number("top", top, given.top)]
    if known.steps:
        fields.append(_choice("darkness", darkness, known.steps, given.darkness))
    fields.append(_choice("module", module, MODULES, given.module))
    return f'{"".join(fields)}<div class="buttons"><button id="keep">保存{en("Save")}</button></div>'


def _number(name: str, words: Words, value: str) -> str:
    return (
        f'<label class="name" for="{name}">{words.zh}{en(words.en)}</label>'
        f'<input type="text" inputmode="decimal" id="{name}" name="{name}" value="{escape(value)}" maxlength="10"'
        f' autocomplete="off" placeholder="例如 {_MEANT}.5">'
    )


def _choice(name: str, words: Words, values: Sequence[int], value: str) -> str:
    options = "".join(
        f'<option value="{one}"{" selected" if str(one) == value else ""}>{one}</option>' for one in values
    )
    return (
        f'<label class="name" for="{name}">{words.zh}{en(words.en)}</label>'
        f'<select id="{name}" name="{name}"><option value="">没读{"　"}not read</option>{options}</select>'
    )


def _picture() -> str:
    """A corner of the sheet with the two distances."""
    return (
        '<svg class="corner" viewBox="0 0 220 120" role="img" aria-label="从纸边量到十字 from edge to cross">'
        '<rect class="paper" x="20" y="20" width="198" height="98"/><path class="edge" d="M20 120V20H220"/>'
        '<path class="cross" d="M80 50v60M50 80h60"/>'
        '<path class="from" d="M22 80h54M80 22v54"/>'
        '<text x="30" y="72">左 left</text><text x="88" y="44">上 top</text></svg>'
    )
