"""How this copy of Faceloom was installed, and the command that adds packages to it."""

from faceloom.installation.installation_record import (
    Installation,
    Installer,
    find_installation,
    is_standalone,
)
from faceloom.installation.installer import extras_advice, extras_command, replacement_command

__all__ = [
    "Installation",
    "Installer",
    "extras_advice",
    "extras_command",
    "find_installation",
    "is_standalone",
    "replacement_command",
]
