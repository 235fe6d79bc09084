"""How workers find each other: each waits, and can be stopped, until all answer.

TensorFlow itself would wait for an hour, deaf to Ctrl-C and without a word.
"""

import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from faceloom.errors import UsageError
from faceloom.progress import Progress, ProgressCallback

_ADDRESS = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})")
# Seconds between two questions, and for an answer.
_AGAIN, _ANSWER = 0.3, 2.0
# What a worker that waits says to whoever asks, with its number and how many they are.
_WORKER = "faceloom worker"
_GREETING = _WORKER + " {} of {}"


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
        raise UsageError(
            f"--worker must say which of the workers this is, from 0 to {len(addresses) - 1}."
        )
    return addresses


def meet(
    addresses: Sequence[str], number: int, report: ProgressCallback, patience: float = 600
) -> None:
    """Wait up to `patience` seconds until all workers answer, this one being `number`.

    Raises UsageError if its port is taken, others do not answer, or something else answers in their place.
    """
    ends = time.monotonic() + patience
    greetings = {
        address: _GREETING.format(n, len(addresses)) for n, address in enumerate(addresses)
    }
    missing = [address for address in addresses if address != addresses[number]]
    with answering(addresses[number], greetings[addresses[number]]):
        while True:
            missing = [address for address in missing if not _is_there(address, greetings[address])]
            here = len(addresses) - len(missing)
            report(
                Progress(
                    "workers",
                    here,
                    len(addresses),
                    f"waiting for {', '.join(missing)}" if missing else "",
                )
            )
            if not missing:
                return
            if time.monotonic() > ends:
                raise UsageError(
                    f"No worker answers at {', '.join(missing)}; start it, and check --workers and the firewall "
                    "there, and that nothing else has the port."
                )
            time.sleep(_AGAIN)


@contextmanager
def answering(address: str, greeting: str) -> Iterator[None]:
    """Greet whoever asks at this worker's own port."""

    class Greet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(greeting.encode())

    port = int(address.rpartition(":")[2])
    try:
        server = _Server(("", port), Greet)
    except OSError as error:
        raise UsageError(
            f"--workers: port {port} of {address} cannot be used here ({error.strerror})."
        ) from error
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 64


def _is_there(address: str, greeting: str) -> bool:
    """Whether a worker answers at an address with its greeting; raise UsageError if it says anything else.

    One that says nothing may just be on its way from waiting to TensorFlow.
    """
    host, _, port = address.rpartition(":")
    try:
        connection = socket.create_connection((host, int(port)), _ANSWER)
    except OSError:
        return False
    with connection:
        said = _heard(connection)
    if not said or said == greeting.encode() or _is_tensorflow(said):
        return bool(said)
    if said.startswith(_WORKER.encode()):
        raise UsageError(
            f"At {address} is {said.decode()!r}, not {greeting!r}; give all the same --workers."
        )
    raise UsageError(
        f"What answers at {address} is no worker of faceloom train; choose a port that is free there."
    )


def _heard(connection: socket.socket) -> bytes:
    """Return the first bytes that the other side sends; none if it hangs up or says nothing."""
    try:
        return connection.recv(64)
    except OSError:
        return b""


def _is_tensorflow(said: bytes) -> bool:
    """Whether TensorFlow is there already: that worker has met all others, and no longer waits.

    Its server speaks HTTP/2, which begins with a frame of settings: type 4, of stream 0 (RFC 9113, 3.4 and 4.1). So
    does another program that speaks it: this one cannot be told from TensorFlow.
    """
    return len(said) >= 9 and said[3] == 4 and said[5:9] == bytes(4)
