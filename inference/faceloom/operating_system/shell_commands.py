"""Compose commands that the user copies to a shell: a POSIX shell, on Windows PowerShell."""

import os
import re
import shlex
from functools import reduce

# PowerShell supports other quotes and operators than POSIX shells.
_IS_WINDOWS = os.name == "nt"


def quote_word(word: str) -> str:
    """Return a word as the shell reads it, quoted if necessary.

    Args:
        word: The word, without double quotes, dollar signs and backticks.
    """
    if _IS_WINDOWS:
        return f'"{word}"' if re.search(r"[^\w.=-]", word) else word
    return shlex.quote(word)


def chain_commands(*commands: str) -> str:
    """Return a line that runs each command if those before it succeed.

    Args:
        commands: One or more commands, without comments.
    """
    if _IS_WINDOWS:
        # Windows' own PowerShell, version 5.1, has no `&&`. Nested, so that `$?` is always that of
        # the command before.
        return reduce(lambda rest, command: f"{command}; if ($?) {{ {rest} }}", reversed(commands))
    return " && ".join(commands)


def set_variable(name: str, value: str) -> str:
    """Return the command that sets an environment variable for this shell.

    Args:
        name: The variable.
        value: A value of letters and digits.
    """
    return f'$env:{name} = "{value}"' if _IS_WINDOWS else f"export {name}={value}"
