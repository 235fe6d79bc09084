"""How workers find each other: each waits, and can be stopped, until all answer.

TensorFlow itself would wait for an hour, deaf to Ctrl-C and without a word.
"""

import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from faceloom.errors import UsageError
from faceloom.progress import Progress, Report

_ADDRESS = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})")
# Seconds between two questions, and for an answer.
_AGAIN, _ANSWER = 0.3, 2.0


def parse_workers(workers: str, number: int | None) -> list[str]:
    """Return the addresses HOST:PORT of all workers; raise UsageError for what are none."""
    addresses = [address.strip() for address in workers.split(",")]
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        if found is None or not 0 < int(found["port"]) < 2**16:
            raise UsageError(
                f"--workers: {address!r} is no address; write HOST:PORT,HOST:PORT, the first keeps the run."
            )
    if len(addresses) < 2 or len(set(addresses)) < len(addresses):
        raise UsageError(f"--workers {workers}: name two addresses or more, each only once.")
    if number is None or not 0 <= number < len(addresses):
        raise UsageError(f"--worker must say which of the workers this is, from 0 to {len(addresses) - 1}.")
    return addresses


def meet(addresses: Sequence[str], number: int, report: Report, patience: float = 600) -> None:
    """Wait up to `patience` seconds until all workers answer, this one being `number`.

    Raises UsageError if its port is taken or others do not answer.
    """
    ends = time.monotonic() + patience
    missing = [address for n, address in enumerate(addresses) if n != number]
    with _listening(addresses[number]):
        while True:
            missing = [address for address in missing if not _answers(address)]
            here = len(addresses) - len(missing)
            report(Progress("workers", here, len(addresses), f"waiting for {', '.join(missing)}" if missing else ""))
            if not missing:
                return
            if time.monotonic() > ends:
                raise UsageError(
                    f"No worker answers at {', '.join(missing)}; start it, and check --workers and the firewall there."
                )
            time.sleep(_AGAIN)


@contextmanager
def _listening(address: str) -> Iterator[None]:
    """Answer at this worker's own port."""
    port = int(address.rpartition(":")[2])
    try:
        listener = socket.create_server(("", port), backlog=64)
    except OSError as error:
        raise UsageError(f"--workers: port {port} of {address} cannot be used here ({error.strerror}).") from error
    with listener:
        yield


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _ANSWER).close()
    except OSError:
        return False
    return True
