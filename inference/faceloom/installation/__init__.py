"""How this copy of Faceloom was installed, and the commands that add packages to it."""

from faceloom.installation.installer import (
    Installation,
    Installer,
    extras_advice,
    extras_command,
    find_installation,
    is_standalone,
    replacement_command,
)

__all__ = [
    "Installation",
    "Installer",
    "extras_advice",
    "extras_command",
    "find_installation",
    "is_standalone",
    "replacement_command",
]
