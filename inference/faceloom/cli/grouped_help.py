"""Help that groups options under headings, in plain text.

Typer prints the headings of `rich_help_panel` only with rich, which triples the time of `--help`.
"""

from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A command whose plain help lists its options by `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options of each group.

        Args:
            ctx: The click context.
            formatter: The click help formatter to write to.
        """
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            default = "Arguments" if parameter.param_type_name == "argument" else "Other options"
            name = getattr(parameter, "rich_help_panel", None) or default
            groups.setdefault(name, []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)
