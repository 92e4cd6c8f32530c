"""The loopback components (本机打印组件): the protocols of the platforms' own print components, spoken to ERP pages.

Off by default. One WebSocket core on 127.0.0.1 and ::1; each component is a row of profiles.toml and one of two ways of
speaking. What is asked for becomes sheets that the agent prints like any other (`model.py` says what is wanted of it);
no plain data of a person is ever written down here.
"""

from miandan.agent.components.profiles import Settings, read_settings
from miandan.agent.components.serving import Components, Port
from miandan.agent.components.workshop import AgentWorkshop, Core
from miandan.agent.folder import Folder

__all__ = ["Components", "Port", "Settings", "components_of"]


def components_of(core: Core, folder: Folder, settings: Settings | None = None) -> Components:
    """The components of an agent that has started, by the settings of its folder; enter it to open their ports.

    Raises agent.component_setting_wrong, agent.file_damaged.
    """
    workshop = AgentWorkshop(core, folder.components)
    found = settings if settings is not None else read_settings(folder.path / "components.toml")
    if found.components:
        workshop.start()
    return Components(workshop, found, folder.components, list(workshop.left_over()))
