"""`faceloom convert`: its options, one target or several, and the previews."""

from faceloom.cli.convert.command import add_commands, convert_command

__all__ = ["add_commands", "convert_command"]
