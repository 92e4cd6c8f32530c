"""What may stay of a scan's texts: no phone, no signer, no pick-up code (model.py says why). Pure functions.

A name is hidden where the text says that it signed. Words that are no person (本人, 前台, 驿站 ...) stay; a word that
is not known here is hidden, since a hidden shop does less harm than a shown person.
"""

import re
from typing import Final

from miandan.kernel.masks import hide_person, mask_name

_OPEN, _CLOSE = r"[【\[「(（“\"']", r"[】\]」)）”\"']"
_NAME = r"(?:[A-Za-z]+(?:[ .·][A-Za-z]+)*|[^\s,，。；;、/:：!！?？【】\[\]「」()（）“”\"'*]{1,20})"
_CJK = r"[一-鿿㐀-䶿]"
_DOTTED = rf"{_CJK}{{1,8}}[·•]{_CJK}{{1,8}}"

_TOLD: Final = (
    # 签收人：张三, 收件人是[张三], 签收（张三）, 签收人：张三、李四
    re.compile(
        rf"(?:(?:签收|收件|收货|代收|代签|取件|领取)人?(?:姓名)?)+\s*(?:(?:[是为:：]\s*)+{_OPEN}?|{_OPEN})\s*"
        rf"(?P<names>{_NAME}(?:[、/]{_NAME})*)"
    ),
    # 由 张三 签收, 被【张三】本人代收
    re.compile(
        rf"(?:由|被|经)\s*{_OPEN}?\s*(?P<names>{_DOTTED}|{_CJK}{{1,12}}?|[A-Za-z]+(?: [A-Za-z]+)*)\s*{_CLOSE}?\s*"
        rf"(?:先生|女士|小姐)?\s*(?:代为|代|本人|亲自|已|成功)?\s*(?:签收|代收|收取|领取|取走|取件)"
    ),
    # 张三 已签收, 【张三】签收
    re.compile(
        rf"(?<!{_CJK})(?P<names>{_DOTTED}|{_CJK}{{2,4}}?)\s*{_CLOSE}?\s*(?:先生|女士|小姐)?\s*"
        rf"(?:已经|已|代为|代|本人|亲自)?\s*(?:签收|代签)"
    ),
)
_NO_PERSON: Final = re.compile(
    r"(?:您的|您|此|该|本|贵|整)?(?:快件|快递|包裹|邮件|货物|订单|运单|物品|商品|宝贝|件|票)(?:已经|已|由|被|正常|成功)*"
    r"|请?您?(?:已经?|成功|正常|妥投|投递|投递并|准备|注意|等待|图片|电子|自助|扫码|拍照|异常|部分|尚未|未|待|尽快|及时|凭.*码)"
    r"|(?:他|她|您|客户|收货|收件|签收|代收)?(?:的)?(?:本人|家人|家属|亲属|同事|邻居|朋友|他人|客户|用户|买家|收件人|签收人|收货人|代收人|人|他人收|本人收)"
    r"|.*(?:驿站|快递柜|智能柜|快递箱|丰巢|超市|便利店|商店|门卫|门岗|前台|物业|保安|收发室|传达室|代收点|代理点|自提点|自提柜"
    r"|服务点|服务站|服务中心|公司|学校|菜鸟|兔喜|门口|专用章|收发章|网点|合作点|寄存点|邮政|营业部).*"
)
_COURIER: Final = re.compile(
    r"(?:快递员|派件员|派送员|业务员|小件员|配送员|投递员|揽收员|揽件员|取件员|收派员|派件人|派送人|快递小哥|小哥)"
    r"[^,，。；;!！]{0,24}?(?:[,，]\s*(?:联系)?(?:电话|手机号?码?)[是为:：\s]*)?(?<!\d)(1[3-9]\d{9})(?!\d)"
)
_CODE: Final = re.compile(
    r"((?:取件|取货|提货|开箱|开柜|收货|验证|凭证|提取)(?:码|号|密码|凭证)|货架号|密码)(\s*(?:是|为|[:：])?\s*[【\[「(（“\"]?\s*)[0-9A-Za-z][0-9A-Za-z-]{2,}"
    r"|(凭)(\s*[【\[「(（“\"]?\s*)[0-9A-Za-z][0-9A-Za-z-]{2,}(?=\s*[】\]」)）”\"]?\s*(?:取|到|在|至|前往|领|签))"
)


def courier_phone_in(text: str) -> str:
    """The mobile that a text says is the courier's; "" where it says none."""
    found = _COURIER.search(text)
    return found[1] if found else ""


def without_persons(text: str, signer: str = "") -> str:
    """A scan's text as it is kept. `signer` is the name that the carrier gave in a field of its own."""
    hidden = _CODE.sub(lambda code: f"{code[1] or code[3]}{code[2] or code[4] or ''}***", text)
    hidden = hide_person(hidden, signer.strip(), "")
    for told in _TOLD:
        hidden = told.sub(_hide_names, hidden)
    return hidden


def masked_signer(name: str) -> str:
    """A signer's name as it is kept; who is no person stays."""
    name = hide_person(name.strip(), "", "")
    return name if _NO_PERSON.fullmatch(name) else mask_name(name)


def _hide_names(match: re.Match[str]) -> str:
    start, end = match.start("names") - match.start(), match.end("names") - match.start()
    names = "".join(
        part if part in "、/" or _NO_PERSON.fullmatch(part) else mask_name(part)
        for part in re.split(r"([、/])", match["names"])
    )
    return match[0][:start] + names + match[0][end:]
