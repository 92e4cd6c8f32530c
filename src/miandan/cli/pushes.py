"""The commands of `miandan pushes`: where apps hear what happens in shops. What they do is in push_register.py."""

from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import work

pushes = typer.Typer(no_args_is_help=True, help="消息推送 pushes: subscribe an app, see what it did not hear, replay")

Key: TypeAlias = Annotated[str, typer.Argument(metavar="APP", help="应用编号 app_key")]
AnyKey: TypeAlias = Annotated[str | None, typer.Argument(metavar="[APP]", help="只看这个应用 this app only")]
Subscription: TypeAlias = Annotated[str, typer.Argument(help="订阅编号 subscription, as listed")]
Url: TypeAlias = Annotated[str, typer.Argument(help="推送地址 where messages are POSTed to")]
Tags: TypeAlias = Annotated[
    list[str] | None, typer.Option("--tag", help="消息标签 tag, such as 101; may be repeated; default: all 默认全部")
]


@pushes.command("list")
def list_(app: AnyKey = None) -> None:
    """有哪些订阅：every subscription with its state, what waits, what is dead, and what went wrong last."""
    from miandan.cli import push_register as register

    work(lambda: register.list_subscriptions(app))


@pushes.command("add")
def add(app: Key, url: Url, tag: Tags = None) -> None:
    """订阅：push what happens in the shops that let the app in to a URL."""
    from miandan.cli import push_register as register

    work(lambda: register.add(app, url, tag))


@pushes.command("change")
def change(app: Key, subscription: Subscription, url: Url, tag: Tags = None) -> None:
    """修改订阅：another URL, other tags; what waits goes to the new URL."""
    from miandan.cli import push_register as register

    work(lambda: register.change(app, subscription, url, tag))


@pushes.command("pause")
def pause(app: Key, subscription: Subscription) -> None:
    """暂停推送：messages collect and none is sent 消息照样积存."""
    from miandan.cli import push_register as register

    work(lambda: register.pause(app, subscription))


@pushes.command("resume")
def resume(app: Key, subscription: Subscription) -> None:
    """恢复推送：what has collected is sent at once."""
    from miandan.cli import push_register as register

    work(lambda: register.resume(app, subscription))


@pushes.command("remove")
def remove(app: Key, subscription: Subscription) -> None:
    """退订：the subscription ends, and what waits for it is gone 未送达的消息一并删除."""
    from miandan.cli import push_register as register

    work(lambda: register.remove(app, subscription))


@pushes.command("dead")
def dead(
    app: AnyKey = None,
    limit: Annotated[int, typer.Option(help="最多列出几条 at most so many", min=1, max=10_000)] = 100,
) -> None:
    """死信：messages that are not tried any more, with why."""
    from miandan.cli import push_register as register

    work(lambda: register.dead(app, limit))


@pushes.command("replay")
def replay(
    app: Key, messages: Annotated[list[str], typer.Argument(help="消息编号 messages, as `pushes dead` lists them")]
) -> None:
    """重放：dead or taken messages are sent again, now, under their old msg_id."""
    from miandan.cli import push_register as register

    work(lambda: register.replay(app, messages))


@pushes.command("replay-dead")
def replay_dead(app: Key, subscription: Subscription) -> None:
    """重放全部死信：every dead message of a subscription is sent again."""
    from miandan.cli import push_register as register

    work(lambda: register.replay_dead(app, subscription))
