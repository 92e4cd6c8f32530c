"""What the commands about pages do: decisions, answers, the certificate; all of it files of the agent's folder."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from miandan.agent.components.certificates import Certificates
from miandan.agent.components.gate import program_token
from miandan.agent.components.origins import Origins
from miandan.agent.components.profiles import components
from miandan.agent.components.questions import Questions
from miandan.agent.folder import Folder
from miandan.cli.session import say, shown
from miandan.cli.tables import Column, second, write_lines, write_list
from miandan.kernel.clock import BEIJING

_ORIGINS: Final = (
    Column("origin", "页面 origin"),
    Column("state", "状态 state"),
    Column("printers", "打印机 printers"),
    Column("component", "组件 component"),
    Column("at", "时间 at"),
)
_QUESTIONS: Final = (
    Column("question", "编号 question"),
    Column("number", "运单号 number"),
    Column("copy", "第几份 copy"),
    Column("printer", "打印机 printer"),
    Column("origin", "页面 origin"),
    Column("until", "截止 until"),
)


def listed(as_json: bool) -> int:
    known = Origins(_folder())
    rows = [_origin(origin, "等待 waiting", "", one.component, one.at) for origin, one in known.waiting().items()] + [
        _origin(origin, "允许 allowed" if one.allowed else "拒绝 denied", " ".join(one.printers), "", one.at)
        for origin, one in known.decided().items()
    ]
    write_list(_ORIGINS, rows, as_json=as_json)
    return 0


def _origin(origin: str, state: str, printers: str, component: str, at: float) -> dict[str, Any]:
    named = components()[component].zh if component in components() else ""
    return {
        "origin": origin,
        "state": state,
        "printers": printers,
        "component": named,
        "at": _time(at),
    }


def allow(origin: str, printers: tuple[str, ...]) -> int:
    Origins(_folder()).allow(origin, printers)
    say(f"✓ 已允许 {shown(origin)} 打印 / may print: {shown(' '.join(printers)) or '全部打印机 all printers'}")
    return 0


def deny(origin: str) -> int:
    Origins(_folder()).deny(origin)
    say(f"✓ 已拒绝 {shown(origin)} / turned away from now on")
    return 0


def forget(origin: str) -> int:
    Origins(_folder()).forget(origin)
    say(f"✓ 已撤销 {shown(origin)} 的决定 / asked about again when it comes")
    return 0


def token() -> int:
    write_lines([program_token(_folder() / "token")])
    return 0


def again(question: str | None, answer: Literal["print", "skip"] | None, as_json: bool) -> int:
    questions = Questions(_folder())
    if question is not None and answer is not None:
        questions.answer(question, answer)
        say("✓ 已回答 / answered")
        return 0
    rows = [
        {
            "question": name,
            "number": one.number,
            "copy": one.copy,
            "printer": one.printer,
            "origin": one.origin,
            "until": _time(one.until),
        }
        for name, one in questions.open().items()
    ]
    write_list(_QUESTIONS, rows, as_json=as_json)
    return 0


def trust() -> int:
    certificates = Certificates(_folder() / "tls")
    certificates.ready()
    file = certificates.authority
    write_lines(
        [
            "本机证书，只对 localhost、127.0.0.1、::1 有效，密钥只在本机。",
            "This computer's certificate: good for localhost, 127.0.0.1 and ::1 only; its key stays on this machine.",
            f"  {file}",
            f"  SHA-256 {certificates.fingerprint()}",
            "",
            "信任 to trust it:",
            *(f"  {line}" for line in _add(file)),
            "",
            "撤销 to take that back:",
            *(f"  {line}" for line in _remove(certificates)),
            "  miandan agent trust --remove",
        ]
    )
    return 0


def untrust() -> int:
    certificates = Certificates(_folder() / "tls")
    lines = _remove(certificates)
    certificates.remove()
    say("✓ 证书和密钥已销毁；下次启动会另做一份。/ Certificate and keys are destroyed; the next start makes others.")
    write_lines(["从系统中移除 remove it from the system too:", *(f"  {line}" for line in lines)])
    return 0


_NICKNAME: Final = "miandan-loopback"


def _add(file: Path) -> list[str]:
    return [
        f'Windows        certutil -user -addstore Root "{file}"',
        f'macOS          security add-trusted-cert -r trustRoot -p ssl "{file}"',
        f'Linux, Chrome  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n {_NICKNAME} -i "{file}"',
        f'Linux, system  sudo cp "{file}" /usr/local/share/ca-certificates/ && sudo update-ca-certificates',
        "Firefox        设置 > 隐私与安全 > 证书 > 导入 / Settings > Privacy & Security > Certificates > Import",
    ]


def _remove(certificates: Certificates) -> list[str]:
    file = certificates.authority
    return [
        f"Windows        certutil -user -delstore Root {certificates.serial()}",
        f'macOS          security remove-trusted-cert "{file}"',
        f"Linux, Chrome  certutil -d sql:$HOME/.pki/nssdb -D -n {_NICKNAME}",
        f"Linux, system  sudo rm /usr/local/share/ca-certificates/{file.name} && sudo update-ca-certificates --fresh",
    ]


def _time(at: float) -> str:
    return second(datetime.fromtimestamp(at, BEIJING))


def _folder() -> Path:
    return Folder.from_environment().components
