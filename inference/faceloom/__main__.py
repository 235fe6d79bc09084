"""`python -m faceloom` is the `faceloom` command."""

from faceloom.cli.app import main

main()
