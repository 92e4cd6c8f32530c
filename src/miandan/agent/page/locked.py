"""What those see who have not been let in, and the step over the threshold."""

from html import escape

from miandan.agent.page.frame import en, part, sheet


def locked(*, finds: str = "") -> str:
    """For whoever has not been let in."""
    return sheet(
        "打印端",
        f'<div class="frame"><header class="brand"><b>打印端</b>{en("Print agent")}</header><main class="card narrow">'
        f"<h1>请从这台电脑打开{en('Open it from this computer')}</h1>"
        f"<p>双击桌面上的打印端快捷方式，或在命令行运行：{en('Use the shortcut on the desktop, or run:')}</p>"
        f'<p class="code">miandan agent page</p>'
        f'<p class="small">这样别的用户和网页就不能替您按按钮。打印端每次启动后要重新打开一次。'
        f"{en('So nobody else and no web page can press buttons here. Once after each start of the agent.')}"
        f"</p></main></div>",
        script=finds,
    )


def opened(place: str) -> str:
    """Leads on: a navigation of our own, so that the browser sends the cookie along."""
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="0;url={escape(place)}"><title>打印端</title>'
        f"<style>{part('page.css')}</style></head>"
        f'<body><p><a href="{escape(place)}">打开{en("Open")}</a></p></body></html>\n'
    )
