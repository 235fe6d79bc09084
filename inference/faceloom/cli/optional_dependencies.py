"""Import a command's packages: name the missing extra, and do not lose a Ctrl-C meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from faceloom.errors import ProviderMissing
from faceloom.installation import extras_advice
from faceloom.interrupts import check_interrupt, recorded_interrupts


@contextmanager
def requires_extra(extra: str) -> Iterator[None]:
    """Turn a missing package into one sentence with the command that installs it.

    An import that fails because of Ctrl-C is an interrupt: Keras, for one, reports a package as
    missing if Ctrl-C hits its import.

    Args:
        extra: The optional extras that contain the packages imported in the block, such as "cpu".

    Yields:
        Nothing.

    Raises:
        ProviderMissing: A package is not installed.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    with recorded_interrupts():
        try:
            yield
        except ModuleNotFoundError as error:
            check_interrupt()
            if (error.name or "").startswith("faceloom"):
                raise
            raise ProviderMissing(
                f"The package {error.name} is not installed; {extras_advice(extra)}"
            ) from error
        except Exception:
            check_interrupt()
            raise
        check_interrupt()
