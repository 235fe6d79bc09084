"""What the name of an identity may be: it names folders, files and options."""

import re

from faceloom.errors import UsageError

# Longest name: it is part of file names and of the labels on sheets.
MAX_NAME_LETTERS = 40
# Letters and digits of any script, underscores, and, inside, dots and dashes.
_NAME = re.compile(r"\w(?:[\w.-]*\w)?")


def check_identity_name(name: str) -> None:
    """Check that a person can be named so in every command.

    Args:
        name: The name that the user gives.

    Raises:
        UsageError: It is empty or too long, or has a character that a name cannot have.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LETTERS:
        raise UsageError(
            f"{name!r} cannot be a person's name; use at most {MAX_NAME_LETTERS} letters, digits, "
            "underscores and, between them, dots and dashes, such as ben or ben-2."
        )
