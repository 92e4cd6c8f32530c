"""What may stay of a scan's texts: no phone, no person, no pick-up code (model.py says why). Pure functions.

These rules know nobody: they hide who stands where a person stands in such sentences, as well as can be. The recipient
of a number is hidden by its own data when its scans are applied (`cleaning.py`). Words that are no person (本人, 前台,
驿站 ...) stay; a word that is not known here is hidden, since a hidden shop does less harm than a shown person.
"""

import re
from typing import Final

from miandan.kernel.masks import hide_person, mask_name, mask_remark

_OPEN, _CLOSE = r"[【\[「(（“\"']", r"[】\]」)）”\"']"
_NAME = r"(?:[A-Za-z]+(?:[ .·][A-Za-z]+)*|[^\s,，。；;、/:：!！?？【】\[\]「」()（）“”\"'*]{1,20})"
_CJK = r"[一-鿿㐀-䶿]"
_DOTTED = rf"{_CJK}{{1,8}}[·•]{_CJK}{{1,8}}"
_DOUBLE = (
    r"欧阳|司马|诸葛|上官|夏侯|司徒|司空|东方|皇甫|尉迟|公孙|慕容"
    r"|令狐|长孙|宇文|端木|独孤|南宫|百里|呼延|轩辕|申屠|太史|澹台"
)
_SURNAME = (
    r"[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹"
    r"孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚"
    r"符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席"
    r"卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘"
    r"满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印"
    r"逯隆茹诺战慈运慎展养随植于代向和孛余俎郗冒满郏]"
)
_OF_PERSON = rf"(?:{_DOTTED}|(?:{_DOUBLE}){_CJK}{{1,2}}?|{_SURNAME}{_CJK}{{1,3}}?)"
"""A name that begins with a surname, as short as what follows lets it be."""
_VERBS = (
    r"拒|要|未|不|无|没|已|在|电|手|来|说|表|称|告|通|联|致|约|预|改|取|自|放|签|收|领|委|代|到|前|暂|因|外|出|申|投|催|接|关|停|退|换"
    r"|协|同|反|提|请|希|需|指|允|授|确|临|正|号|地|家|处|先|女|小|的|是|为|于|由|将|被|给|至|去|回|等|可|能|就|说|有|想|另|派|送"
    r"|核|验|付|拆|开|打|查|看|原|信|姓|名|电|本|公|单|门|附|楼|店|吗|呢|了|和|与|及|或|但|并|后|时|中|人"
)
"""What goes on after a name: no character of these begins anything else two characters into one."""
_WHO = r"(?:收件人|收货人|收件方|收方|签收人|取件人|联系人|客户|客人|买家|顾客|用户|机主|业主|住户|本人|收件|收货|买方)"
_SIDE = r"(?:家|处|手|楼下|门口|本人|先生|女士|小姐|的|店|单位)"

_SIGNED: Final = (
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
    # 张三 已签收, 【张三】签收, 张三拒收
    re.compile(
        rf"(?<!{_CJK})(?P<names>{_DOTTED}|{_CJK}{{2,4}}?)\s*{_CLOSE}?\s*(?:先生|女士|小姐)?\s*"
        rf"(?:已经|已|代为|代|本人|亲自)?\s*(?:签收|代签|拒收|拒签)"
    ),
)
_PERSON_WORD: Final = (
    # 收件人张三拒收, 客户【张三】要求, 买家:张三 电话, 客户 Zhang San
    re.compile(
        rf"{_WHO}(?:姓名|名字|名)?\s*(?:[是为:：]\s*)*{_OPEN}?\s*"
        rf"(?P<names>{_DOTTED}|(?:{_DOUBLE}){_CJK}{{1,3}}?(?={_VERBS}|(?!{_CJK}))|(?!{_VERBS}){_CJK}{{2,4}}?(?={_VERBS}|(?!{_CJK}))"
        rf"|{_SURNAME}{_CJK}{{1,3}}?(?={_VERBS}|(?!{_CJK}))|(?!{_VERBS}){_CJK}{{2,4}}|[A-Za-z]+(?:[ .·][A-Za-z]+)*)"
    ),
    # 联系张三, 致电【张三】, 交给张三
    re.compile(
        rf"(?:联系|致电|电联|通知|告知|询问|拨打|呼叫|转告|交给|交予|交付|转交|递给|送给|寻找)(?:了|到|过|上)?\s*{_OPEN}?\s*"
        rf"(?P<names>{_OF_PERSON})(?={_VERBS}|(?!{_CJK}))"
    ),
    # 张三先生, 李四本人, 王五家属
    re.compile(
        rf"(?P<names>(?:{_DOUBLE}|{_SURNAME}){_CJK}{{1,2}}?)\s*{_CLOSE}?\s*(?:先生|女士|小姐|本人|家人|家属|父|母|妻|丈夫|同事|邻居)"
    ),
)
_DOOR: Final = (
    # 放至张三家门口, 送到【李四】处
    re.compile(rf"(?:至|到|在|于|给)\s*{_OPEN}?\s*(?P<names>{_OF_PERSON})\s*{_CLOSE}?\s*(?={_SIDE})"),
    # 放至买买提家门口
    re.compile(
        rf"(?:至|到|在|于|给)\s*{_OPEN}?\s*(?P<names>{_CJK}{{2,6}}?)\s*{_CLOSE}?\s*(?=家(?:门|中|里|楼|外|人|处))"
    ),
)
# 改派至 机密路9号, 地址改为：..., 新地址 ...: to where this one parcel shall go instead
_ELSEWHERE: Final = re.compile(
    r"(?:(?:改派|改送|改寄|改投|改址|转送|更改|变更|修改|更正)[^,，。；;\d]{0,8}?(?:至|到|为|成|[:：])"
    r"|(?:新|收件|收货|派送|住|详细|家庭)?(?:地址|住址)\s*(?:改为|改成|变更为|更改为|是|为|在|[:：]))\s*(?P<place>[^,，。；;]{2,80})"
)
_STREET: Final = re.compile(r"\d+\s*(?:号|栋|幢|座|弄|单元|室|楼|层|房|#)")

_NO_PERSON: Final = re.compile(
    r"(?:您的|您|此|该|本|贵|整)?(?:快件|快递|包裹|邮件|货物|订单|运单|物品|商品|宝贝|件|票)(?:已经|已|由|被|正常|成功)*"
    r"|请?您?(?:已经?|成功|正常|妥投|投递|投递并|准备|注意|等待|图片|电子|自助|扫码|拍照|异常|部分|尚未|未|待|尽快|及时|凭.*码)"
    r"|(?:他|她|您|客户|收货|收件|签收|代收)?(?:的)?(?:本人|家人|家属|亲属|同事|邻居|朋友|他人|客户|用户|买家|收件人|签收人|收货人|代收人|人|他人收|本人收)"
    r"|.*(?:驿站|快递柜|智能柜|快递箱|丰巢|超市|便利店|商店|门卫|门岗|前台|物业|保安|收发室|传达室|代收点|代理点|自提点|自提柜"
    r"|服务点|服务站|服务中心|公司|学校|菜鸟|兔喜|门口|专用章|收发章|网点|合作点|寄存点|邮政|营业部).*"
    r"|(?:客户|收件人|买家|用户)?(?:要求|申请|多次|当场|当面|无故|直接|验货|整单|部分|已经|再次|全部)"
)
_CALLS: Final = ("联", "致电", "通知", "告", "询问", "拨打", "呼叫", "交", "给", "寻找")
_RULES: Final = (
    (("签收", "收件", "收货", "代收", "代签", "取件", "领取"), _SIGNED[0]),
    (("签收", "代收", "收取", "领取", "取走", "取件"), _SIGNED[1]),
    (("签收", "代签", "拒收", "拒签"), _SIGNED[2]),
    (("人", "客户", "买家", "收方", "收件", "收货", "顾客", "用户", "机主", "业主", "住户", "买方"), _PERSON_WORD[0]),
    (_CALLS, _PERSON_WORD[1]),
    (("先生", "女士", "小姐", "本人", "家", "父", "母", "妻", "丈夫", "同事", "邻居"), _PERSON_WORD[2]),
    (("家", "处", "手", "楼下", "门口", "本人", "先生", "女士", "小姐", "的", "店", "单位"), _DOOR[0]),
    (("家",), _DOOR[1]),
)
"""Each rule with the words of which one must be there: looking for a word costs a hundredth of trying the rule."""
_ELSEWHERE_NEAR: Final = ("改", "址", "更正", "变更")
_NEAR: Final = re.compile("[" + "".join({word[0] for near, _ in _RULES for word in near} | set("改址更变")) + "]")

# 派件员 李四 电话 139..., 派送人:李四,电话:139..., 快递员李四(139...): a name alone, then a word or a bracket that says
# whose phone it is. Nothing else may stand between, so whoever the courier has called is not taken for the courier.
_COURIER_WORD: Final = (
    r"(?:快递员|派件员|派送员|业务员|小件员|配送员|投递员|揽收员|揽件员|取件员|收派员|派件人|派送人|快递小哥|小哥)"
)
_COURIER: Final = re.compile(
    rf"{_COURIER_WORD}\s*[:：是为]?\s*{_OPEN}?\s*(?P<name>(?:{_DOUBLE}){_CJK}{{1,2}}|{_SURNAME}{_CJK}{{1,2}}|[老小]{_CJK}|{_CJK}(?:师傅)|)"
    rf"\s*{_CLOSE}?\s*(?:[,，、]?\s*(?:电话|手机|手机号|手机号码|电话号码|联系电话|联系方式)\s*[:：是为]?\s*{_OPEN}?|{_OPEN})\s*"
    r"(?P<phone>1[3-9]\d{9})(?!\d)"
)
_NO_NAME: Final = re.compile(
    r"[打找联致电询问约向给与和同对告知通未已拨呼叫催寻访候客户买家收件人主他她您改派放送等即代为]"
)
_UNANSWERED: Final = re.compile(
    r"未接|没接|不接|无人接|接听|拒接|关机|停机|空号|打不通|不通|接通|占线|忙音|欠费|联系不上|无法|错误|有误|不符|约定|预约|改约|改派|来电"
)
_CALLED: Final = re.compile(rf"{_WHO}|联系|致电|电联|拨打|通知|来电|机主|约定|未接|接听")
_PHONE: Final = re.compile(r"(?:\+?86[- ]?)?[0-9][0-9 -]{3,14}[0-9](?:\s*(?:转|-|,|#)\s*\d{1,6})?")
_CODE: Final = re.compile(
    r"((?:取件|取货|提货|开箱|开柜|收货|验证|凭证|提取)(?:码|号|密码|凭证)|货架号|密码)(\s*(?:是|为|[:：])?\s*[【\[「(（“\"]?\s*)[0-9A-Za-z][0-9A-Za-z-]{2,}"
    r"|(凭)(\s*[【\[「(（“\"]?\s*)[0-9A-Za-z][0-9A-Za-z-]{2,}(?=\s*[】\]」)）”\"]?\s*(?:取|到|在|至|前往|领|签))"
)
_ROLE: Final = re.compile(_COURIER_WORD)


def courier_phone_in(text: str) -> str:
    """The mobile that a text says is the courier's; "" where it says none, or may mean somebody else's."""
    found = _COURIER.search(text) if "1" in text else None
    if found is None or _NO_NAME.search(found["name"]) or _UNANSWERED.search(text):
        return ""
    return found["phone"]


def courier_phone_given(phone: str, text: str) -> str:
    """A courier's phone from a field of its own; "" for what is no phone, or what the text says is somebody else's."""
    phone = phone.strip()
    if not phone:
        return courier_phone_in(text)
    if not _PHONE.fullmatch(phone) or (phone in text and courier_phone_in(text) != phone and _CALLED.search(text)):
        return ""
    return phone


def without_persons(text: str, signer: str = "") -> str:
    """A scan's text as it is kept. `signer` is the name that the carrier gave in a field of its own."""
    hidden = text
    if "码" in text or "号" in text or "凭" in text:
        hidden = _CODE.sub(lambda code: f"{code[1] or code[3]}{code[2] or code[4] or ''}***", text)
    hidden = hide_person(hidden, signer.strip(), "")
    if _NEAR.search(hidden) is None:
        return hidden
    if any(word in hidden for word in _ELSEWHERE_NEAR):
        hidden = _ELSEWHERE.sub(_hide_place, hidden)
    for near, told in _RULES:
        if any(word in hidden for word in near):
            hidden = told.sub(_hide_names, hidden)
    return hidden


def masked_signer(name: str) -> str:
    """A signer's name as it is kept; who is no person stays."""
    name = hide_person(name.strip(), "", "")
    return name if _NO_PERSON.fullmatch(name) else mask_name(name)


def masked_courier(name: str) -> str:
    """A courier's name as it is kept: what he is stays, of the name its first character."""
    role = _ROLE.match(name)
    kept = role[0] if role else ""
    return kept + masked_signer(name[len(kept) :].lstrip(" :："))


def has_phone(code: str) -> bool:
    """Whether what should be a code or a number is somebody's phone."""
    return mask_remark(code) != code


def _hide_place(match: re.Match[str]) -> str:
    place = match["place"]
    if _NO_PERSON.fullmatch(place.strip()) and not _STREET.search(place):
        return match[0]
    return f"{match[0][: match.start('place') - match.start()]}***"


def _hide_names(match: re.Match[str]) -> str:
    start, end = match.start("names") - match.start(), match.end("names") - match.start()
    names = "".join(
        part if part in "、/" or _NO_PERSON.fullmatch(part) else mask_name(part)
        for part in re.split(r"([、/])", match["names"])
    )
    return match[0][:start] + names + match[0][end:]
