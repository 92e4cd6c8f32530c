"""Takes pasted text apart into name, phone and address, whatever their order and whatever stands between them."""

import re
from dataclasses import replace
from typing import NamedTuple

from miandan.addresses.cleaning import LONGEST, clean
from miandan.addresses.divisions import Divisions, divisions
from miandan.addresses.levels import read_chain
from miandan.addresses.model import ParsedAddress, ParsedRecipient
from miandan.addresses.names import SURE, is_full_name, is_name_at_end, is_note, name_score
from miandan.addresses.phones import FoundPhone, find_local_number, find_phone
from miandan.addresses.reading import read_address

_LABEL = re.compile(
    r"(?:^|(?<=[\s,;:()\[\]。]))[\[(]?(?:"
    r"(?P<name>收件人姓名|收货人姓名|收件人|收货人|联系人|收件姓名|姓名|名字)|"
    r"(?P<phone>联系电话|收件电话|收货电话|手机号码|电话号码|联系方式|手机号|手机|电话|tel|phone)|"
    r"(?P<region>所在地区|所在区域|省市区|地区|收货地区)|"
    r"(?P<address>详细收货地址|详细地址|收货地址|收件地址|快递地址|邮寄地址|街道地址|地址)|"
    r"(?P<drop>邮政编码|邮编))[\])]?[ ]*[::](?!\d{1,2}楼)[ ]*",
    re.IGNORECASE,
)
_LOOSE_LABEL = re.compile(
    r"(?:^|(?<=[\s,;()]))"
    r"(?:收件人|收货人|联系人|姓名|联系电话|手机号码?|电话|详细地址|收货地址|收件地址|所在地区|地址)[ :]+"
)
_TAKES_IT = re.compile(
    r"[(\[]([^()\[\]\n,]{1,12}?) ?(?:亲收|亲启|签收|收件|收货|收)[)\]]|"
    r"(?:^|(?<=[\s,]))([^\s,()\[\]]{1,12}?) ?(?:[(\[](?:亲收|亲启|收件|收货|收)[)\]]|(?:亲收|亲启|收)(?=$|[\s,]))"
)
_PIECES = re.compile(r"[\s,_]+")
_MARKED_EXTENSION = re.compile(r"[\[(](\d{4})[\])]")
_HARD = re.compile(r"[\n\t]+")
_HAN = re.compile(r"[一-鿿]")
_HAS_NUMBER = re.compile(r"\d")
_PLACE_LEVEL = re.compile(r"[省市区县镇乡路街村]")
_NOTHING = frozenset(["null", "NULL", "undefined", "None"])
_POSTCODE = re.compile(r"\d{6}")
_LATIN_WORD = re.compile(r"[A-Za-z.']+")
_ENDS_A_PLACE = re.compile(r"[号室楼栋幢座层门组户店厦园苑村庄期区弄口元院城校\d)A-Za-z]$")
_EDGES = " \n\t,:/_-|>.;\"'()[]{}"


class _Piece(NamedTuple):
    text: str
    beside_phone: bool
    side: int
    """0 before the phone, 1 behind it."""


def read_recipient(text: str) -> ParsedRecipient:
    """See `addresses.parse`."""
    head, tail = text[:LONGEST], text[LONGEST:]
    cleaned, extension = _take_marked_extension(clean(head))
    table = divisions()
    labels = list(_LABEL.finditer(cleaned))
    parsed = _labelled(table, cleaned, labels) if labels else _unlabelled(table, cleaned)
    if extension and not parsed.extension and parsed.phone:
        parsed = replace(parsed, extension=extension)
    if not tail:
        return parsed
    return _put(parsed.name, parsed, _address_of(parsed, tail), (*parsed.uncertain, "detail: 文字过长，后面的没有解析"))


def _take_marked_extension(text: str) -> tuple[str, str]:
    """Virtual numbers are pasted with their extension in brackets behind the name and the address: 小鱼儿[8831]."""
    marks = list(_MARKED_EXTENSION.finditer(text))
    if not marks or any(mark[1] != marks[0][1] for mark in marks) or not (len(marks) > 1 or marks[0][0][0] == "["):
        return text, ""
    if re.search(r"[A-Za-z0-9]$", text[: marks[0].start()]) and len(marks) == 1:
        return text, ""
    return _MARKED_EXTENSION.sub("", text), marks[0][1]


def _address_of(parsed: ParsedRecipient, tail: str) -> ParsedAddress:
    return ParsedAddress(
        parsed.province, parsed.city, parsed.district, parsed.town, parsed.detail + clean(tail), parsed.division_code
    )


def _labelled(table: Divisions, text: str, labels: list[re.Match[str]]) -> ParsedRecipient:
    """Fields named by the text itself. What stands before the first label is read as if it had none."""
    fields = {"name": "", "phone": "", "region": "", "address": "", "drop": "", "rest": text[: labels[0].start()]}
    ends = [*(label.start() for label in labels[1:]), len(text)]
    for label, end in zip(labels, ends, strict=True):
        kind = label.lastgroup or "rest"
        fields[kind] = f"{fields[kind]} {text[label.end() : end]}".strip(_EDGES)
    place = f"{fields['region']} {fields['address']}".strip()
    name, phone = fields["name"], find_phone(fields["phone"]) or find_local_number(fields["phone"])
    if phone is None:
        found = find_phone(place) or find_phone(fields["rest"])
        phone = found or find_phone(name)
        place, name = _without(place, phone), _without(name, phone)
    if not place and not fields["rest"].strip(_EDGES):
        return _behind_a_label(table, text, fields["phone"], phone, name)
    if not name or not place:
        unread = f"{fields['rest']}\n{place}" if not name else f"{fields['rest']} {place}"
        return _unlabelled(table, unread, phone, name)
    if fields["rest"].strip(_EDGES):
        place = f"{place} {fields['rest'].strip(_EDGES)}"
    return _answer(_bare_name(name), phone, read_address(table, place))


def _behind_a_label(table: Divisions, text: str, numbers: str, phone: FoundPhone | None, name: str) -> ParsedRecipient:
    """The address has no label of its own: it stands behind the phone's or the name's, which may hold everything."""
    if name and not _PIECES.search(name):
        return _unlabelled(table, numbers if _HAN.search(numbers) else "", phone, name)
    return _unlabelled(table, _LABEL.sub("\n", text), phone)


def _without(text: str, phone: FoundPhone | None) -> str:
    """The text without the number, if it stands in there."""
    if phone is None:
        return text
    again = find_phone(text)
    return (text[: again.start] + "\n" + text[again.end :]).strip(_EDGES) if again else text


def _unlabelled(table: Divisions, text: str, phone: FoundPhone | None = None, known_name: str = "") -> ParsedRecipient:
    """The phone is cut out first, then the name is looked for, and what is left is the address."""
    text = _LOOSE_LABEL.sub("\n", text)
    before, after = text, ""
    found = find_phone(text)
    if found is not None and (phone is None or phone.phone == found.phone):
        before, after, phone = text[: found.start], text[found.end :], found
    if known_name:
        return _answer(_bare_name(known_name), phone, read_address(table, _join(_pieces(before, after))))
    for part in (before, after):
        taker = _TAKES_IT.search(part)
        if taker is not None and _may_be_a_name(taker[1] or taker[2]):
            rest = part[: taker.start()] + " " + part[taker.end() :]
            pieces = _pieces(rest, after) if part is before else _pieces(before, rest)
            return _answer(_bare_name(taker[1] or taker[2]), phone, read_address(table, _join(pieces)))
    name, pieces = _find_name(table, _pieces(before, after))
    return _answer(_bare_name(name), phone, read_address(table, _join(pieces)))


def _may_be_a_name(text: str) -> bool:
    return name_score(text) > 0


def _pieces(before: str, after: str) -> list[_Piece]:
    """The words between separators, in order, without postcodes; Latin words in a row are one."""
    pieces: list[_Piece] = []
    sides = [_PIECES.split(before.rstrip(" ([")), _PIECES.split(after.lstrip(" )]"))]
    for side, words in enumerate(sides):
        merged = _merge_latin([word for word in words if word and word not in _NOTHING])
        last = len(merged) - 1
        pieces += [_Piece(word, i == (last if side == 0 else 0), side) for i, word in enumerate(merged)]
    return [piece for piece in pieces if not (_POSTCODE.fullmatch(piece.text) and len(pieces) > 2)]


def _merge_latin(words: list[str]) -> list[str]:
    merged: list[str] = []
    for word in words:
        if merged and _LATIN_WORD.fullmatch(word) and _LATIN_WORD.fullmatch(merged[-1]):
            merged[-1] = f"{merged[-1]} {word}"
        else:
            merged.append(word)
    return merged


def _join(pieces: list[_Piece]) -> str:
    """The address in its order; wishes to the courier and further phones go to its end."""
    words = [piece.text for piece in pieces]
    asides = [word for word in words if _is_aside(word)]
    return " ".join([*(word for word in words if word not in asides), *asides]) if asides else " ".join(words)


def _is_aside(word: str) -> bool:
    if is_note(word) and not _HAS_NUMBER.search(word) and not _PLACE_LEVEL.search(word):
        return True
    found = find_phone(word)
    return found is not None and found.start == 0 and found.end == len(word)


def _find_name(table: Divisions, pieces: list[_Piece]) -> tuple[str, list[_Piece]]:
    """The best piece that is a name by itself; else a name glued to the front or the end of a piece."""
    best, best_score = -1, 0
    for index in range(len(pieces)):
        score = _piece_score(table, pieces, index)
        if score > best_score:
            best, best_score = index, score
    if best_score < SURE:
        for index, piece in enumerate(pieces):
            cut = _glued_to_front(table, piece.text) if index == 0 or piece.beside_phone else 0
            if cut:
                return piece.text[:cut], _cut_out(pieces, index, piece.text[cut:])
        for index, piece in enumerate(pieces):
            cut = _glued_to_end(piece.text) if piece.beside_phone or index == len(pieces) - 1 else 0
            if cut and best_score < SURE - 2:
                return piece.text[cut:], _cut_out(pieces, index, piece.text[:cut])
    if best < 0 or (len(pieces) == 1 and best_score < SURE):
        return "", pieces
    return pieces[best].text, pieces[:best] + pieces[best + 1 :]


def _cut_out(pieces: list[_Piece], index: int, rest: str) -> list[_Piece]:
    return [*pieces[:index], pieces[index]._replace(text=rest.strip(_EDGES)), *pieces[index + 1 :]]


def _piece_score(table: Divisions, pieces: list[_Piece], index: int) -> int:
    """The name's own score, more beside the phone and at the edges, little when the word is a place as well."""
    piece = pieces[index]
    word = piece.text.strip(_EDGES)
    score = name_score(word)
    if score == 0:
        return 0
    if word in table.names:
        neighbours = [other.text if other.side == piece.side else "" for other in pieces]
        chain = read_chain(table, " ".join([word, *neighbours[index + 1 : index + 2]]), 0)
        if (chain is not None and chain.steps > 1) or (index > 0 and _goes_on(table, neighbours[index - 1], word)):
            return 0
        score = min(score, 3)
    elif score < SURE and read_chain(table, word, 0) is not None and not is_full_name(word):
        return 0
    return score + (1 if piece.beside_phone else 0) + (1 if index in (0, len(pieces) - 1) else 0)


def _goes_on(table: Divisions, previous: str, word: str) -> bool:
    """Whether the word is the next level of what stands before it."""
    chain = read_chain(table, f"{previous} {word}", 0) if previous else None
    return chain is not None and chain.end == len(previous) + 1 + len(word)


def _glued_to_front(table: Divisions, text: str) -> int:
    """How many characters of a name stand before the first level; 0 when the text begins with an address or a note."""
    own = read_chain(table, text, 0)
    if own is not None and (own.steps > 1 or own.sure):
        return 0
    best, best_cut = (0, False, 0), 0
    for cut in (3, 2, 4, 5, 6):
        if cut >= len(text) - 2 or name_score(text[:cut]) < (SURE if cut < 5 else SURE - 4):
            continue
        chain = read_chain(table, text, cut)
        if chain is None or chain.start != cut or not (chain.sure or chain.steps > 1):
            continue
        worth = (chain.steps, chain.sure, -abs(cut - 3))
        if worth > best:
            best, best_cut = worth, cut
    return best_cut


def _glued_to_end(text: str) -> int:
    """Where a name begins that stands right behind a house number or a building; 0 when there is none."""
    if is_note(text[-6:]):
        return 0
    for length in (3, 2, 4):
        cut = len(text) - length
        if cut > 3 and is_name_at_end(text[cut:]) and _ENDS_A_PLACE.search(text[:cut]):
            return cut
    return 0


def _bare_name(name: str) -> str:
    name = _HARD.sub(" ", name).strip(_EDGES)
    return re.sub(r"(?<=..)[(\[]?(?:亲收|亲启|收)[)\]]?$", "", name).strip(_EDGES)


def _answer(name: str, phone: FoundPhone | None, address: ParsedAddress) -> ParsedRecipient:
    doubts = [phone.doubt] if phone is not None and phone.doubt else []
    if not name:
        doubts.append("name: 没有找到")
    if phone is None:
        doubts.append("phone: 没有找到")
    if not address.province and not address.uncertain:
        doubts.append("province: 没有找到")
    parts = ParsedRecipient(name, phone.phone if phone else "", phone.extension if phone else "")
    return _put(name, parts, address, (*doubts, *address.uncertain))


def _put(name: str, parts: ParsedRecipient, address: ParsedAddress, doubts: tuple[str, ...]) -> ParsedRecipient:
    return ParsedRecipient(
        name,
        parts.phone,
        parts.extension,
        address.province,
        address.city,
        address.district,
        address.town,
        address.detail,
        address.division_code,
        doubts,
    )
