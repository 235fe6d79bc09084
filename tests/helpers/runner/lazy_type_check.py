"""The type checker of the tests: beartype, applied to a function at its first call.

To apply it to all functions at import takes seconds in every test process, and most processes
call few of the functions.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from beartype import BeartypeConf, beartype

# An int passes as a float, as in PEP 484.
_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_at_first_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a check of the types of its arguments and its result."""
    checked: Callable[..., Any] | None = None

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal checked
        if checked is None:
            checked = _check(function)
        return checked(*arguments, **options)

    return call
