"""What an app may see of who receives an order: masks, and ciphertext bound to this app, shop and order."""

from collections.abc import Callable
from typing import Final

from miandan.orders.model import TradeOrder
from miandan.vault.issued import OrderTexts, issue_for_order, issue_searchable
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient
from miandan.vault.service import masked

SCREEN: Final = "screen"
"""The mask by which the platform shows persons: of a phone the first three and last four digits."""

Issuing = Callable[[MerchantKeys, TradeOrder, str], OrderTexts]
"""How an order's ciphertexts are written for an app."""


def plain_texts(keys: MerchantKeys, order: TradeOrder, app: str) -> OrderTexts:
    """Ciphertexts without a search index."""
    return issue_for_order(keys, order.recipient.token, app=app, shop=order.ref.shop_id, order=order.ref.order_id)


def searchable_texts(keys: MerchantKeys, order: TradeOrder, app: str) -> OrderTexts:
    """Ciphertexts with the index that order.BatchSearchIndex gives for the same text."""
    where = {"app": app, "shop": order.ref.shop_id, "order": order.ref.order_id}
    return issue_searchable(keys, order.recipient, order.ref.bound_to, **where)


def seen_by(
    app: str, keys: MerchantKeys, order: TradeOrder, issuing: Issuing = plain_texts
) -> tuple[Recipient, OrderTexts]:
    """Masks and ciphertexts. Raises Refusal where the receiver is shredded or was never kept."""
    return masked(keys, order.recipient, order.ref.bound_to, SCREEN), issuing(keys, order, app)
