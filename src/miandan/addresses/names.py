"""Tells a person's name from everything else that stands around an address."""

import re

_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任"
    "袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴"
    "谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解"
    "应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全"
    "郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡"
    "劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文"
    "寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公仉督岳帅缑亢"
    "况郈有琴归海晋楚闫法汝鄢涂钦商牟佘佴伯赏墨哈谯笪年爱阳佟言福肖仝代覃辜冼邝粟苟植苑练占官展谌揭眭逢巨但来宾候操亓门青"
)
_COMPOUND = (
    "欧阳|上官|司马|诸葛|夏侯|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|司空|端木|百里|呼延|南宫|轩辕|宇文|长孙|澹台|申屠|太史|闻人|拓跋|万俟|单于|"
    "钟离|东郭|南门|独孤|第五|西门|完颜|纳兰"
)
_TITLE = r"先生|女士|小姐|太太|老师|师傅|阿姨|叔叔|经理|老板|主任|医生|律师|同学|总|工|哥|姐|妈|爸|妹|弟|姨|叔"
_FULL_NAME = re.compile(rf"(?:{_COMPOUND})[\u4e00-\u9fff\u3400-\u4dbf]{{1,2}}")
_WITH_TITLE = re.compile(rf"(?:{_COMPOUND}|[\u4e00-\u9fff])[\u4e00-\u9fff]{{0,2}}(?:{_TITLE})")
_MINORITY = re.compile(r"[\u4e00-\u9fff]{1,10}(?:[·•・.][\u4e00-\u9fff]{1,10}){1,3}")
_LATIN = re.compile(r"[A-Za-z][A-Za-z.' -]{0,24}")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")
_PLACE_MARK = re.compile(
    r"[路街巷弄号栋幢室楼层座镇乡村县省市区厦]|单元|小区|公寓|花园|广场|公司|工厂|大学|学院|中学|小学|医院|酒店|宾馆|超市|商场|市场|"
    r"驿站|快递|丰巢|菜鸟|校区|宿舍|车间|仓库|门口|门卫|前台|代收|服务部|便利店|工业园|科技园|隔壁|对面|旁边|附近|交叉口"
)
_PLACE_END = re.compile(
    r"[店厂楼路号市区县镇村室栋幢园城院校站行部馆所社局处网厅库桥口街道巷苑庄厦座期组队收号里湾坊墅庭府轩铺场山]$"
)
_LEVEL_END = re.compile(r"..[镇乡区县市省]$|街道$")
_NOTE = re.compile(
    r"谢谢|多谢|感谢|请|麻烦|辛苦|放[在到门前]?|送[货到上]|到付|勿|不要|别|务必|尽快|加急|打电话|电联|电话联系|联系|周[一二三四五六日末]|工作日|"
    r"白天|晚上|上午|下午|签收|代收|自提|快递|发货|备注|易碎|轻放|顺丰|中通|圆通|韵达|申通|邮政|包邮|赠品|发票|订单|本人|默认|门口"
)
_WORDS_OF_FORMS = frozenset(
    [
        "收件人",
        "收货人",
        "姓名",
        "联系人",
        "电话",
        "手机",
        "手机号",
        "手机号码",
        "联系电话",
        "地址",
        "详细地址",
        "收货地址",
        "收件地址",
        "所在地区",
        "null",
    ]
)

SURE = 9
"""From this score on a piece of text is a name wherever it stands."""


def name_score(piece: str) -> int:
    """How much a piece looks like a recipient's name, 0 (never) to 10."""
    if not 1 <= len(piece) <= 26 or piece in _WORDS_OF_FORMS or _NOTE.search(piece):
        return 0
    if _MINORITY.fullmatch(piece):
        return 10
    if _LATIN.fullmatch(piece):
        return 6 if len(piece) > 1 else 2
    if _WITH_TITLE.fullmatch(piece):
        return 9
    if _HAN.fullmatch(piece):
        return _han_score(piece)
    if len(piece) > 10 or not re.search(r"[^\W\d_]", piece):
        return 0
    return _doubtful(piece) if _PLACE_MARK.search(piece) else 3


def _doubtful(piece: str) -> int:
    """A nickname with a place in it (A仓库老王): better than none, if it stands at the edge and beside the phone."""
    return 0 if len(piece) > 8 or re.search(r"\d", piece) or _PLACE_END.search(piece) else 1


def _han_score(piece: str) -> int:
    if _LEVEL_END.search(piece):
        return 0
    if is_full_name(piece):
        return 7 if _PLACE_END.search(piece) else 10
    if len(piece) > 8:
        return 0
    if _PLACE_MARK.search(piece):
        return _doubtful(piece)
    if len(piece) == 4 and piece[0] in _SURNAMES:
        return 6
    return 4 if len(piece) > 1 else 3


def is_full_name(piece: str) -> bool:
    """Surname and one or two given characters."""
    if len(piece) in (2, 3) and piece[0] in _SURNAMES:
        return True
    return bool(_FULL_NAME.fullmatch(piece))


def is_name_at_end(piece: str) -> bool:
    """A full name that may stand glued to the end of an address, where a shop's or building's name may stand too."""
    return is_full_name(piece) and not _PLACE_END.search(piece) and not _PLACE_MARK.search(piece)


def is_note(piece: str) -> bool:
    """A wish to the courier, not a name and not a place."""
    return bool(_NOTE.search(piece))
