"""Which app calls, and the text that it signed: cheap looks first, dear ones only for who has not failed too often."""

from datetime import datetime

from miandan.access.doorkeeper import Doorkeeper, KnownApp
from miandan.access.model import App
from miandan.dialects.doudian.asking import Asked, check_time
from miandan.dialects.doudian.signing import MD5, signed_as_sent, signed_in_another_form
from miandan.kernel.errors import Refusal


async def prove(keeper: Doorkeeper, asked: Asked, address: str, at: datetime) -> tuple[App, str]:
    """The app and its signed business JSON; only what is proven counts against the app's limit.

    Raises access.app_unknown, access.app_forbidden, access.throttled, doudian.timestamp_format, doudian.timestamp_off,
    doudian.signature_wrong.
    """
    known = await keeper.app(asked.app_key)
    check_time(asked.timestamp, at)
    text = _as_sent(asked, known)
    if text is None:
        text = await _looked_into(keeper, asked, address)
    keeper.admit(known.app.app_key)
    return known.app, text


async def _looked_into(keeper: Doorkeeper, asked: Asked, address: str) -> str:
    """A secret made a moment ago, and the other forms of the text."""
    keeper.admit_stranger(address)
    known = await keeper.app_afresh(asked.app_key)
    text = _as_sent(asked, known)
    if text is None:
        text = signed_in_another_form(asked.signed, asked.texts, asked.sign, _secrets(known), asked.sign_method or MD5)
    if text is None:
        keeper.count_failure(address)
        raise Refusal("doudian.signature_wrong")
    return text


def _as_sent(asked: Asked, known: KnownApp) -> str | None:
    return signed_as_sent(asked.signed, asked.texts, asked.sign, _secrets(known), asked.sign_method or MD5)


def _secrets(known: KnownApp) -> list[str]:
    return [secret.text for secret in known.secrets]
