"""`miandan apps`: the register of apps at the keyboard. What was asked for goes to standard output."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from miandan.access import consents, pushes, service, tokens
from miandan.access.model import App, AppKind, AppState, Authorisation, Registration, Subject, read_scopes
from miandan.access.model import carrier as carrier_subject
from miandan.access.model import shop as shop_subject
from miandan.access.scopes import Scope, meanings, usual_scopes
from miandan.carriers.catalogue import catalogue
from miandan.cli import typed
from miandan.cli.session import Session, open_session, say, shown
from miandan.cli.tables import minute, write_json, write_lines
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import DEFAULT_PUBLIC_URL
from miandan.kernel.wrapping import Wraps
from miandan.merchants import service as merchants
from miandan.vault import reveals
from miandan.vault.decrypts import decrypt_budget_on

ASK_SECONDS: Final = 10.0
"""How long a developer's server may take to answer."""

_KINDS = {AppKind.TOOL: "工具型 tool", AppKind.SELF_USE: "自用型 self_use"}
_STATES = {AppState.ACTIVE: "正常 active", AppState.FORBIDDEN: "已停用 forbidden"}


@dataclass(frozen=True, slots=True)
class Whom:
    """Shops, a merchant and carriers, as they were typed."""

    shops: tuple[str, ...]
    merchant_id: int | None
    carriers: tuple[str, ...]

    @property
    def nobody(self) -> bool:
        return not (self.shops or self.carriers) and self.merchant_id is None


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed about a new app."""

    kind: str
    whom: Whom
    scopes: tuple[str, ...]
    redirect_urls: tuple[str, ...]
    limit: int | None


async def add(name: str, wish: Wish) -> int:
    """Register an app and show its secret, once. Raises what `subjects` and `service.register_app` raise."""
    async with open_session() as session:
        own = await subjects(session.db, wish.whom)
        scopes = read_scopes(wish.scopes) or _usual(own)
        form = Registration(name, AppKind(wish.kind), scopes, own, wish.redirect_urls, wish.limit)
        app, secret = await service.register_app(session.db, await _root(session), form)
    write_lines([f"应用 app_key   {app.app_key}", f"密钥 secret    {secret}"])
    say(f"✓ 已登记 registered: {shown(app.name)}  {_KINDS[app.kind]}")
    _say_once()
    return 0


async def list_apps() -> int:
    """A line for each app."""
    async with open_session() as session:
        found = await service.apps(session.db)
        for app in found:
            grants = await tokens.authorisations_of_app(session.db, app.app_key)
            standing = sum(grant.revoked_at is None for grant in grants)
            state, kind = _STATES[app.state], _KINDS[app.kind]
            write_lines([f"{app.app_key}  {kind}  {state}  授权 grants {standing}  {shown(app.name)}"])
    say(f"  应用 {len(found)} 个 apps" if found else "✓ 还没有登记应用 no app is registered")
    return 0


async def show(app_key: str) -> int:
    """What an app is and may; its secrets by their ids. Raises access.app_unknown."""
    async with open_session() as session:
        app = await service.find_app(session.db, app_key)
        marks = await service.secret_marks(session.db, app_key)
    lines = [
        f"应用 app_key     {app.app_key}",
        f"名称 name        {shown(app.name)}",
        f"类型 kind        {_KINDS[app.kind]}",
        f"状态 state       {_STATES[app.state]}  {shown(app.state_reason)}".rstrip(),
        f"登记 registered  {minute(app.created_at)}",
        f"上限 limit       每秒 {app.calls_per_second:,} 次 calls per second",
        *(f"回调 redirect    {url}" for url in app.redirect_urls),
    ]
    lines += [f"权限 scope       {one.scope:<10}{one.zh}" for one in meanings() if one.scope in app.scopes]
    for mark in marks:
        end = "有效 live" if mark.retired_at is None else f"停用 retired {minute(mark.retired_at)}"
        lines.append(f"密钥 secret      {mark.secret_id}  {minute(mark.created_at)}  {end}")
    write_lines(lines)
    return 0


async def rotate(app_key: str) -> int:
    """A second secret, shown once. Raises what `service.add_secret` raises."""
    async with open_session() as session:
        mark, secret = await service.add_secret(session.db, await _root(session), app_key)
        others = [one for one in await service.secret_marks(session.db, app_key) if one.retired_at is None]
    write_lines([f"密钥 secret    {secret}"])
    say("✓ 新旧密钥现在都有效；换用新密钥后停用旧的：")
    say("  Both secrets count now. Once the new one is in use everywhere, retire the old one:")
    for old in others:
        if old.secret_id != mark.secret_id:
            say(f"  miandan apps retire {app_key} {old.secret_id}")
    _say_once()
    return 0


async def retire(app_key: str, secret_id: str) -> int:
    """Raises what `service.retire_secret` raises."""
    known = typed.own_id(secret_id, Refusal("access.secret_unknown", app=shown(app_key)))
    async with open_session() as session:
        await service.retire_secret(session.db, app_key, known)
    say("✓ 旧密钥已停用，几秒内处处生效。/ The secret is retired; within seconds it counts nowhere.")
    return 0


async def forbid(app_key: str, reason: str) -> int:
    """Raises access.app_unknown."""
    async with open_session() as session:
        app = await service.forbid(session.db, app_key, reason)
    _say_state(app)
    return 0


async def allow(app_key: str) -> int:
    """Raises access.app_unknown."""
    async with open_session() as session:
        app = await service.allow(session.db, app_key)
    _say_state(app)
    return 0


async def grant(app_key: str, whom: Whom, scopes: tuple[str, ...]) -> int:
    """Let a self-use app act for more. Raises apps.whom, and what `subjects` and `tokens.authorise_own` raise."""
    if whom.nobody:
        raise Refusal("apps.whom")
    wanted = read_scopes(scopes) or None
    async with open_session() as session:
        for subject in await subjects(session.db, whom):
            granted = await tokens.authorise_own(session.db, app_key, subject, wanted)
            write_lines([_granted(granted)])
    say("✓ 应用现在可以取得令牌 the app can fetch tokens now")
    return 0


async def grants(app_key: str | None, whom: Whom) -> int:
    """Who has let an app in, or which apps these have let in. Raises apps.whom, access.app_unknown."""
    if (app_key is None) is whom.nobody:
        raise Refusal("apps.whom")
    async with open_session() as session:
        if app_key is not None:
            found = await tokens.authorisations_of_app(session.db, app_key)
        else:
            found = []
            for subject in await subjects(session.db, whom):
                found += await tokens.authorisations_of_subject(session.db, subject)
    write_lines(map(_granted, found))
    standing = sum(one.revoked_at is None for one in found)
    say(f"  有效授权 {standing} 个，已撤销 {len(found) - standing} 个 authorisations that count, and revoked ones")
    return 0


async def consent(whom: Whom) -> int:
    """A consent word for one shop or carrier. Raises apps.one_subject and what `subjects` raises."""
    async with open_session() as session:
        found = await subjects(session.db, whom)
        if len(found) != 1:
            raise Refusal("apps.one_subject")
        word, until = await consents.make_word(session.db, found[0])
    write_lines([f"授权口令 word   {word}"])
    say(f"✓ {_called(found[0])}：{minute(until)} 前用一次 good once, until then（北京时间 Beijing time）")
    if session.settings.public_url == DEFAULT_PUBLIC_URL:
        say("  授权页 page: https://HOST/authorize?service_id=APP")
        say("  HOST 换成本服务器对外的地址，或设置 MIANDAN_PUBLIC_URL。")
        say("  HOST is this server's outside address; it stands here once MIANDAN_PUBLIC_URL is set.")
    else:
        say(f"  授权页 page: {session.settings.public_url}/authorize?service_id=APP")
    say("! 口令只显示这一次，只交给店铺（或快递公司）的负责人。它之前没用过的口令作废。")
    say("  Shown only this once: hand it to whoever answers for the shop or carrier. Earlier unused words are void.")
    return 0


async def budget(app_key: str, limit: int | None, by_volume: bool) -> int:
    """How many recipients an app may read in plain on a day: a number of its own, or what its orders come to, which is
    what no limit of its own means. Without either only what stands is said. Raises access.app_unknown, apps.budget.
    """
    if limit is not None and by_volume:
        raise Refusal("apps.budget")
    async with open_session() as session:
        await service.find_app(session.db, app_key)
        if limit is not None or by_volume:
            await reveals.set_reveal_limit(session.db, app_key, limit)
        stands = await reveals.reveal_limit(session.db, app_key)
    rule = decrypt_budget_on(trade_day(now()))
    if stands is None:
        share = f"{rule.per_hundred_orders}% × {rule.days} 天订单量 of {rule.days} days' orders"
        told = f"按订单量 by volume: 每天 {rule.base} 条 texts a day + {share}"
    else:
        told = f"每天 {stands:,} 条 texts a day"
    write_lines([f"解密额度 budget  {told}"])
    return 0


async def revoke(app_key: str, authorisation_id: str) -> int:
    """Raises access.authorisation_unknown."""
    known = typed.own_id(authorisation_id, Refusal("access.authorisation_unknown"))
    async with open_session() as session:
        await tokens.revoke(session.db, app_key, known)
    say("✓ 授权已撤销，几秒内处处生效。/ The authorisation is revoked; within seconds its tokens count nowhere.")
    return 0


async def ask(app_key: str, url: str, file: Path | None, by_get: bool, sign_method: str) -> int:
    """Ask a developer's server as the platform does, and print the `data` of its answer. Of two secrets the older one
    signs, as in pushes.

    Raises access.app_unknown, access.app_forbidden, push.url_malformed, setup.file_unreadable, spi.unanswered,
    spi.refused.
    """
    from miandan.dialects.doudian import spi
    from miandan.dialects.doudian.outgoing import open_sender

    pushes.check_url(url)
    param_json = _business_json(file) if file is not None else "{}"
    async with open_session() as session:
        (await service.find_app(session.db, app_key)).must_be_active()
        *_, secret = await service.secrets_of(session.db, await _root(session), app_key)
    verb = spi.call_by_get if by_get else spi.call
    async with open_sender(ASK_SECONDS) as sender:
        data = await verb(sender, url, app_key, secret.text, param_json, sign_method=sign_method)
    write_json(data)
    say("✓ 开发者的服务已答复，返回码 0 / the developer's server has answered with code 0")
    return 0


async def subjects(db: Database, whom: Whom) -> tuple[Subject, ...]:
    """The shops and carriers that were named; a merchant alone means all its shops, or itself where it has none.

    Raises shop.unknown, shop.ambiguous, merchant.unknown, carrier.unknown.
    """
    named = [carrier_subject(catalogue().find(text).code) for text in whom.carriers]
    for shop_id in whom.shops:
        if whom.merchant_id is None:
            named.append(shop_subject(int(await merchants.merchant_of_shop(db, shop_id)), shop_id))
        else:
            known = await merchants.find_shop(db, whom.merchant_id, shop_id)
            named.append(shop_subject(whom.merchant_id, known.shop_id))
    if whom.merchant_id is not None and not whom.shops:
        merchant_id = int((await merchants.find_merchant(db, whom.merchant_id)).merchant_id)
        shops = [shop.shop_id for shop in await merchants.shops_of(db, merchant_id)]
        named += [shop_subject(merchant_id, shop_id) for shop_id in shops or [""]]
    return tuple(named)


def _usual(own: Iterable[Subject]) -> frozenset[Scope]:
    """What an app may be granted where nothing is said: all that its subjects can grant, but no plain recipients."""
    kinds = {subject.kind.value for subject in own} or {"shop"}
    return frozenset(scope for kind in kinds for scope in usual_scopes(kind))


def _business_json(file: Path) -> str:
    """The text of an object, as it is signed. Raises setup.file_unreadable."""
    from miandan.dialects.doudian.signing import canonical

    text = canonical(typed.text_of(file))
    if text is None or not text.startswith("{") or text.encode(errors="ignore").decode() != text:
        raise Refusal("setup.file_unreadable", file=file, reason="不是 JSON 对象 no JSON object")
    return text


async def _root(session: Session) -> Wraps:
    """The root key of this database, proved, so that nothing is wrapped under a foreign one."""
    from miandan.vault.root import open_root_key
    from miandan.vault.service import Vault

    root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=session.sandbox)
    await Vault.open(session.db, root)
    return root


def _granted(one: Authorisation) -> str:
    state = "有效 counts" if one.revoked_at is None else f"撤销 revoked {minute(one.revoked_at)}"
    until = "未取令牌 no tokens yet" if one.until is None else f"令牌至 until {minute(one.until)}"
    scopes = ",".join(sorted(one.scopes))
    return f"{one.authorisation_id}  {one.app_key}  {_called(one.subject)}  {state}  {until}  {scopes}"


def _called(subject: Subject) -> str:
    whom = f"快递 {subject.carrier}" if subject.carrier else f"商家 {subject.merchant_id}"
    return shown(whom + (f" 店铺 {subject.shop_id}" if subject.shop_id else ""))


def _say_state(app: App) -> None:
    say(f"✓ {app.app_key} {_STATES[app.state]}，几秒内处处生效 felt everywhere within seconds")


def _say_once() -> None:
    say("! 密钥只显示这一次，请立即保存。/ The secret is shown only this once: keep it now.")
