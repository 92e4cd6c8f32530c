"""Tokens and looked-up calls."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field

from miandan.access.calls import CallNote
from miandan.access.model import SubjectKind, Tokens
from miandan.api.models.fields import Answer, Asked, MaybeId, printable
from miandan.kernel.clock import now

AppKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        validation_alias=AliasChoices("app_key", "client_id"),
        description="应用编号，也可写作 client_id / the app's key, also as client_id",
    ),
    AfterValidator(printable),
]
AppSecret = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        validation_alias=AliasChoices("secret", "client_secret"),
        description="应用密钥，也可写作 client_secret / its secret, also as client_secret",
    ),
    AfterValidator(printable),
]
TokenText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]


class TokenIn(Asked):
    """How an app asks for tokens: a self-use app for its own subject, a tool with a shop's code, anybody to renew."""

    grant_type: Literal["client_credentials", "authorization_code", "refresh_token"]
    app_key: AppKey
    secret: AppSecret
    code: Annotated[str, Field(max_length=200, description="authorization_code")] = ""
    refresh_token: Annotated[str, Field(max_length=200, description="refresh_token")] = ""
    shop_id: Annotated[
        MaybeId,
        Field(description="自用型应用有多个店铺时 / client_credentials of an app with several shops"),
    ] = ""
    carrier: Annotated[
        MaybeId, Field(description="快递公司的应用填自己的代码 / client_credentials of a carrier's app: its code")
    ] = ""


class SubjectOut(Answer):
    """For whom the token acts."""

    kind: SubjectKind
    merchant_id: str
    shop_id: str
    carrier: str


class TokenOut(Answer):
    """A pair of tokens; asked again before its last hour it is the same pair."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="秒 / seconds")
    refresh_token: str
    refresh_until: datetime
    scope: str
    subject: SubjectOut

    @classmethod
    def of(cls, pair: Tokens) -> "TokenOut":
        subject = pair.subject
        return cls(
            access_token=pair.access_token,
            expires_in=pair.expires_in(now()),
            refresh_token=pair.refresh_token,
            refresh_until=pair.refresh_until,
            scope=" ".join(sorted(pair.scopes)),
            subject=SubjectOut(
                kind=subject.kind,
                merchant_id=str(subject.merchant_id) if subject.merchant_id else "",
                shop_id=subject.shop_id,
                carrier=subject.carrier,
            ),
        )


class RevokeIn(Asked):
    """An access token of the app; with it ends the whole authorisation of its shop or carrier."""

    app_key: AppKey
    secret: AppSecret
    token: TokenText


class CallOut(Answer):
    """A call as it was answered. No parameter and no body is kept."""

    log_id: str
    at: datetime
    door: str
    method: str
    subject: str
    code: int
    sub_code: str
    milliseconds: int

    @classmethod
    def of(cls, note: CallNote) -> "CallOut":
        return cls(**{name: getattr(note, name) for name in cls.model_fields})
