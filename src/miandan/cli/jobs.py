"""`miandan jobs`: everything that falls due by itself, done once. Run it daily; running it twice does no harm."""

from miandan.cli.session import say

WORDS = {
    "live calls": ("核实未决取号", "live calls settled"),
    "cancellations": ("了结未完的取消", "cancellations ended"),
    "leases": ("收回中断程序的单量", "units returned from dead workers"),
    "recycled": ("回收单号", "numbers recycled"),
    "scans": ("补记先到的轨迹", "early scans applied"),
    "messages": ("送达消息", "messages delivered"),
    "print keys": ("销毁过期打印密钥", "print keys destroyed"),
    "indexed": ("补建密文索引", "recipients indexed"),
    "forgotten": ("到期销毁", "rows forgotten"),
}


async def jobs() -> int:
    """Do what is due and say how much it was."""
    from rich.cells import set_cell_size

    from miandan.kernel.settings import Settings
    from miandan.server.house import open_hall
    from miandan.server.jobs import do_due

    async with open_hall(Settings.from_environment()) as hall:
        due = await do_due(hall)
    for name, (zh, en) in WORDS.items():
        say(f"  {set_cell_size(zh, 24)}{en:<34}{due.counts[name]:>8,}")
    for alarm in due.alarms:
        say(f"! {alarm}")
    return 0
