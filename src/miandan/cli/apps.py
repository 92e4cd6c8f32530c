"""The commands of `miandan apps`: who may call, who has let them in. What they do is in app_register.py."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from miandan.cli.options import LARGEST_ID, work

apps = typer.Typer(no_args_is_help=True, help="应用与授权 apps: register, rotate secrets, see and revoke access")


class Kind(StrEnum):
    """What can be typed for `access.model.AppKind`, without importing it for every command."""

    TOOL = "tool"
    SELF_USE = "self_use"


class SignMethod(StrEnum):
    """How a call to a developer may be signed."""

    MD5 = "md5"
    HMAC_SHA256 = "hmac-sha256"


Key: TypeAlias = Annotated[str, typer.Argument(metavar="APP", help="应用编号 app_key")]
Shops: TypeAlias = Annotated[list[str] | None, typer.Option("--shop", help="店铺号 shop id; may be repeated")]
Owner: TypeAlias = Annotated[
    int | None,
    typer.Option("--merchant", help="商家号 merchant id: whose shop, or all of the merchant's", min=1, max=LARGEST_ID),
]
Carriers: TypeAlias = Annotated[list[str] | None, typer.Option("--carrier", help="快递公司 carrier; may be repeated")]
Scopes: TypeAlias = Annotated[
    list[str] | None, typer.Option("--scope", help="权限 scope; may be repeated; default: all but reveal 默认不含解密")
]


@apps.command("add")
def add(
    name: Annotated[str, typer.Argument(help="应用名称 name of the app")],
    kind: Annotated[
        Kind, typer.Option(help="tool: 各店铺授权 let in by each shop; self_use: 自用 for its own shops")
    ] = Kind.TOOL,
    shop: Shops = None,
    merchant: Owner = None,
    carrier: Carriers = None,
    scope: Scopes = None,
    redirect_url: Annotated[
        list[str] | None, typer.Option("--redirect-url", help="授权码回调地址 where codes are sent; may be repeated")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="每秒调用上限 calls per second; default: the usual one")] = None,
) -> None:
    """登记应用：a new app with its key and secret. 密钥只显示一次 The secret is shown once."""
    from miandan.cli import app_register as register

    whom, urls = _whom(shop, merchant, carrier), tuple(redirect_url or ())
    wish = register.Wish(kind.value, whom, tuple(scope or ()), urls, limit)
    work(lambda: register.add(name, wish))


@apps.command("list")
def list_() -> None:
    """有哪些应用：every app with its state and how many have let it in."""
    from miandan.cli import app_register as register

    work(register.list_apps)


@apps.command("show")
def show(app: Key) -> None:
    """显示应用：what an app may do and which secrets it has, never the secrets themselves 不含密钥."""
    from miandan.cli import app_register as register

    work(lambda: register.show(app))


@apps.command("rotate")
def rotate(app: Key) -> None:
    """更换密钥：a second secret beside the one in use; both count until one is retired 两个都有效，换完再停旧的."""
    from miandan.cli import app_register as register

    work(lambda: register.rotate(app))


@apps.command("retire")
def retire(
    app: Key,
    secret: Annotated[str, typer.Argument(help="密钥编号 id of the secret, as `apps show` lists it")],
) -> None:
    """停用旧密钥：the secret counts no more 几秒内生效."""
    from miandan.cli import app_register as register

    work(lambda: register.retire(app, secret))


@apps.command("forbid")
def forbid(
    app: Key,
    reason: Annotated[str, typer.Option(help="原因 reason, kept with the app; nobody's name")] = "",
) -> None:
    """停用应用：none of its calls is answered, tokens stay for when it is allowed again 几秒内生效."""
    from miandan.cli import app_register as register

    work(lambda: register.forbid(app, reason))


@apps.command("allow")
def allow(app: Key) -> None:
    """恢复应用：take forbid back 原有授权继续可用."""
    from miandan.cli import app_register as register

    work(lambda: register.allow(app))


@apps.command("grant")
def grant(app: Key, shop: Shops = None, merchant: Owner = None, carrier: Carriers = None, scope: Scopes = None) -> None:
    """给自用型应用增加店铺：a self-use app also acts for these, or for those it had with other scopes."""
    from miandan.cli import app_register as register

    work(lambda: register.grant(app, _whom(shop, merchant, carrier), tuple(scope or ())))


@apps.command("grants")
def grants(
    app: Annotated[str | None, typer.Argument(metavar="[APP]", help="应用编号 app_key; or name whose grants")] = None,
    shop: Shops = None,
    merchant: Owner = None,
    carrier: Carriers = None,
) -> None:
    """谁有权限：who has let an app in, or which apps a shop, a merchant or a carrier has let in; revoked ones too."""
    from miandan.cli import app_register as register

    work(lambda: register.grants(app, _whom(shop, merchant, carrier)))


@apps.command("consent")
def consent(
    shop: Annotated[str | None, typer.Option("--shop", help="店铺号 shop id")] = None,
    merchant: Owner = None,
    carrier: Annotated[str | None, typer.Option("--carrier", help="快递公司 carrier")] = None,
) -> None:
    """授权口令：a word with which one shop or carrier agrees on the authorisation page. 只显示一次 Shown once."""
    from miandan.cli import app_register as register

    whom = _whom([shop] if shop is not None else None, merchant, [carrier] if carrier is not None else None)
    work(lambda: register.consent(whom))


@apps.command("budget")
def budget(
    app: Key,
    limit: Annotated[int | None, typer.Option(help="每天可解密的条数 texts a day; 0: none 不许解密", min=0)] = None,
    by_volume: Annotated[
        bool, typer.Option("--by-volume", help="恢复按订单量计算 as its orders come to again")
    ] = False,
) -> None:
    """解密额度：how many recipients an app may read in plain on a day; without options: what stands 不写选项只显示."""
    from miandan.cli import app_register as register

    work(lambda: register.budget(app, limit, by_volume))


@apps.command("revoke")
def revoke(
    app: Key,
    grant: Annotated[str, typer.Argument(help="授权编号 id of the authorisation, as `apps grants` lists it")],
) -> None:
    """撤销授权：its tokens and codes are worth nothing any more 几秒内生效."""
    from miandan.cli import app_register as register

    work(lambda: register.revoke(app, grant))


@apps.command("ask")
def ask(
    app: Key,
    url: Annotated[str, typer.Argument(help="开发者服务的地址 the developer's server")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="业务参数，JSON 文件 business JSON; default: {}")
    ] = None,
    by_get: Annotated[bool, typer.Option("--get", help="用 GET，参数放进网址 GET, with the JSON in the URL")] = False,
    sign_method: Annotated[SignMethod, typer.Option(help="签名方式 how it is signed")] = SignMethod.MD5,
) -> None:
    """询问开发者的服务（SPI）：asks a developer's server as the platform does 打印答复的 data."""
    from miandan.cli import app_register as register

    work(lambda: register.ask(app, url, file, by_get, sign_method.value))


def _whom(shop: list[str] | None, merchant: int | None, carrier: list[str] | None) -> Any:
    from miandan.cli.app_register import Whom

    return Whom(tuple(shop or ()), merchant, tuple(carrier or ()))
