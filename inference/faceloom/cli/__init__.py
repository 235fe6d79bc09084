"""The `faceloom` command: one module for each subcommand.

A module declares its options with Typer and imports the library only when the command runs, so
that `faceloom --help` stays fast. Work is done by the packages below; this package turns options
into their arguments and their results into text or JSON. May import everything in `faceloom`.
"""
