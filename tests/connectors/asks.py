"""Asks with an invented recipient, whose words must never turn up anywhere."""

from miandan.connectors.model import NumberAsk, Sender
from miandan.vault.model import Recipient

SECRETS = ("欧阳试试", "19900001234", "秘密路7号", "陈发货", "13300005678", "仓库街9号")
RECIPIENT = Recipient(
    SECRETS[0],
    SECRETS[1],
    province="上海市",
    city="上海市",
    district="浦东新区",
    detail=SECRETS[2],
    buyer_remark="轻放",
)
SENDER = Sender(SECRETS[3], SECRETS[4], "浙江省", "杭州市", "临平区", SECRETS[5])


def ask(key: str, carrier: str = "sf", parcels: int = 1) -> NumberAsk:
    return NumberAsk(key, carrier, "7550000001", "standard", RECIPIENT, SENDER, parcels, weight_grams=800)
