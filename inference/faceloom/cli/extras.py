"""Say which install line is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from faceloom.errors import ProviderMissing


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a missing package of an optional extra into one sentence with the install line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("faceloom"):
            raise
        raise ProviderMissing(
            f"This needs the package {error.name}, which is not installed; run: pip install 'faceloom[{extra}]'"
        ) from error
