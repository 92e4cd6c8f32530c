"""`miandan jobs`: everything that falls due by itself, done once. Run it daily; running it twice does no harm."""

from miandan.cli.session import open_session, say


async def jobs() -> int:
    """Do what is due and say how much it was."""
    from rich.cells import set_cell_size

    from miandan.accounts import leases, shares
    from miandan.connectors.registry import sandbox_connectors
    from miandan.kernel import outbox
    from miandan.kernel.clock import now
    from miandan.kernel.database import Transaction
    from miandan.vault.retention import apply_retention, index_pending
    from miandan.vault.root import open_root_key
    from miandan.vault.service import Vault
    from miandan.waybills import giving_back, live, lives, months
    from miandan.waybills.counter import open_counter

    async with open_session() as session:
        root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=session.sandbox)
        vault = await Vault.open(session.db, root)
        connectors = sandbox_connectors(session.settings.data) if session.sandbox else {}
        await months.prepare(session.db)
        returned = await leases.close_leases_of_the_dead(session.db)
        async with open_counter(session.db, vault, connectors) as counter:
            settled = await live.settle_all(counter)
            cancelled = await lives.finish_all_cancelling(counter) + await giving_back.give_up_unused(counter)
        recycled = await lives.recycle_due(session.db)
        await shares.return_rests(session.db)
        await shares.tell_owners(session.db)
        alarms: list[str] = []

        async def sound(_tx: Transaction, message: outbox.Message) -> None:
            alarms.append(f"{message.body['carrier']} {message.body['number']}")

        delivered = await outbox.deliver(session.db, {**shares.HANDLERS, lives.VOID_WAS_SCANNED: sound})
        indexed = await index_pending(session.db)
        forgotten = sum(one.rows for one in await apply_retention(session.db, now()))
    for zh, en, count in (
        ("核实未决取号", "live calls settled", settled),
        ("了结未完的取消", "cancellations ended", cancelled),
        ("收回中断程序的单量", "units returned from dead workers", returned),
        ("回收单号", "numbers recycled", recycled),
        ("送达消息", "messages delivered", delivered),
        ("补建密文索引", "recipients indexed", indexed),
        ("到期销毁", "rows forgotten", forgotten),
    ):
        say(f"  {set_cell_size(zh, 24)}{en:<34}{count:>8,}")
    for alarm in alarms:
        say(f"! 已取消或已回收的单号被揽收扫描，单量已重新扣除：{alarm} / a void number was scanned; its unit is spent")
    return 0
