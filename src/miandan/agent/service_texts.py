"""Starting the agent with the machine (开机自启): texts for systemd, launchd and Windows, to be put where they say."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape

from miandan.agent.folder import Folder

_LABEL = "miandan-agent"


class ServiceKind(StrEnum):
    """Who starts programs on a machine."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    WINDOWS = "windows"


def service_text(kind: ServiceKind, folder: Folder) -> str:
    """The text for one of them, with this machine's program and data folder in it."""
    return {ServiceKind.SYSTEMD: _systemd, ServiceKind.LAUNCHD: _launchd, ServiceKind.WINDOWS: _windows}[kind](folder)


def _command() -> list[str]:
    """How this program was started: the `miandan` beside this interpreter, or the interpreter itself."""
    beside = Path(sys.executable).with_name("miandan.exe" if sys.platform == "win32" else "miandan")
    program = [str(beside)] if beside.exists() else [sys.executable, "-c", "from miandan.cli import main; main()"]
    return [*program, "agent", "run"]


def _systemd(folder: Folder) -> str:
    command = " ".join(shlex.quote(word).replace("%", "%%") for word in _command())
    data = str(folder.path).replace("%", "%%").replace('"', '\\"')
    return f"""\
# 用户服务 user unit: ~/.config/systemd/user/{_LABEL}.service
#   systemctl --user daemon-reload
#   systemctl --user enable --now {_LABEL}
#   loginctl enable-linger    # 不登录也运行 runs without a login
[Unit]
Description=miandan print agent 面单打印端
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Environment="MIANDAN_AGENT={data}"
Restart=always
RestartSec=3
TimeoutStopSec=30
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def _launchd(folder: Folder) -> str:
    words = "\n".join(f"        <string>{escape(word)}</string>" for word in _command())
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- ~/Library/LaunchAgents/{_LABEL}.plist, then:
     launchctl bootstrap gui/$UID ~/Library/LaunchAgents/{_LABEL}.plist -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{_LABEL}</string>
    <key>ProgramArguments</key>
    <array>
{words}
    </array>
    <key>EnvironmentVariables</key>
    <dict>
        <key>MIANDAN_AGENT</key>
        <string>{escape(str(folder.path))}</string>
    </dict>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <true/>
    <key>ThrottleInterval</key>
    <integer>3</integer>
</dict>
</plist>
"""


def _windows(folder: Folder) -> str:
    program, *rest = _command()
    arguments = " ".join(f'"{word}"' if " " in word else word for word in rest)

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    return f"""\
# 在 PowerShell 中运行，为当前用户登录时启动。Run in PowerShell; starts at this user's logon.
# 打印机属于用户，所以用登录任务而不是系统服务。Printers belong to a user, so it is a logon task, not a system service.
[Environment]::SetEnvironmentVariable('MIANDAN_AGENT', {quoted(str(folder.path))}, 'User')
$action = New-ScheduledTaskAction -Execute {quoted(program)} -Argument {quoted(arguments)}
$trigger = New-ScheduledTaskTrigger -AtLogOn -User $env:USERNAME
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) `
    -ExecutionTimeLimit 0 -MultipleInstances IgnoreNew -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
Register-ScheduledTask -TaskName {quoted(_LABEL)} -Action $action -Trigger $trigger -Settings $settings -Force
Start-ScheduledTask -TaskName {quoted(_LABEL)}
# 停用 to remove: Unregister-ScheduledTask -TaskName {quoted(_LABEL)} -Confirm:$false
"""
