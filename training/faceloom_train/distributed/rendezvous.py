"""Wait until all workers are running.

TensorFlow itself waits for an hour, without a message, and ignores Ctrl-C meanwhile.
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
# Seconds between two attempts to connect to the missing workers.
_RETRY_SECONDS = 0.3
# Seconds to wait for a connection and for its first bytes.
_CONNECT_SECONDS = 2.0
# Seconds between two checks of the greeting server for its end.
_POLL_SECONDS = 0.05
# How a waiting worker's greeting begins.
_GREETING_PREFIX = "faceloom worker"
# A waiting worker's greeting: its index and the number of workers.
_GREETING = _GREETING_PREFIX + " {} of {}"
# Most bytes of a greeting that are read.
_MAX_GREETING_BYTES = 64
# Connections that may wait while the greeting server is busy; more than there are workers.
_BACKLOG = 64


def parse_worker_addresses(workers: str, worker_index: int | None) -> tuple[list[str], int]:
    """Parse --workers and --worker.

    Args:
        workers: HOST:PORT of each worker, separated by commas.
        worker_index: Which of them this process is.

    Returns:
        The addresses and the index.

    Raises:
        UsageError: An address is invalid or occurs twice, or the index is missing or out of range.
    """
    addresses = [address.strip() for address in workers.split(",")]
    for address in addresses:
        match = _ADDRESS.fullmatch(address)
        if match is None or not 0 < int(match["port"]) < 2**16:
            raise UsageError(
                f"--workers: {address!r} is not an address; write HOST:PORT,HOST:PORT, first the "
                "worker that keeps the run."
            )
    if len(addresses) < 2 or len(set(addresses)) < len(addresses):
        raise UsageError(f"--workers {workers}: name two addresses or more, each only once.")
    if worker_index is None or not 0 <= worker_index < len(addresses):
        raise UsageError(
            f"--worker must say which of the workers this is, from 0 to {len(addresses) - 1}."
        )
    return addresses, worker_index


def rendezvous(
    addresses: Sequence[str],
    worker_index: int,
    report: ProgressCallback,
    timeout: float = 600,
) -> None:
    """Wait until all workers answer.

    Args:
        addresses: HOST:PORT of each worker.
        worker_index: Which of them this process is.
        report: Called with the number of workers that answered.
        timeout: Seconds to wait at most.

    Raises:
        UsageError: This worker's port is in use, others do not answer in time, or another program
            answers at a worker's address.
    """
    deadline = time.monotonic() + timeout
    greetings = {
        address: _GREETING.format(index, len(addresses)) for index, address in enumerate(addresses)
    }
    own_address = addresses[worker_index]
    missing = [address for address in addresses if address != own_address]
    with greeting_server(own_address, greetings[own_address]):
        while True:
            missing = [address for address in missing if not _answers(address, greetings[address])]
            note = f"waiting for {', '.join(missing)}" if missing else ""
            report(Progress("workers", len(addresses) - len(missing), len(addresses), note))
            if not missing:
                return
            if time.monotonic() > deadline:
                raise UsageError(
                    f"No worker answers at {', '.join(missing)}; start it there, and check "
                    "--workers, the firewall, and that no other program uses the port."
                )
            time.sleep(_RETRY_SECONDS)


@contextmanager
def greeting_server(address: str, greeting: str) -> Iterator[None]:
    """Send a greeting to whoever connects to this worker's port.

    Args:
        address: HOST:PORT of this worker; it listens on all of the machine's interfaces.
        greeting: The text to send.

    Raises:
        UsageError: The port cannot be used.
    """

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
        threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = _BACKLOG


def _answers(address: str, greeting: str) -> bool:
    """Return whether a worker answers with its greeting, or TensorFlow in its place.

    A worker that accepts the connection and sends nothing may be about to start TensorFlow. Raises
    UsageError for any other answer.
    """
    host, _, port = address.rpartition(":")
    try:
        connection = socket.create_connection((host, int(port)), _CONNECT_SECONDS)
    except OSError:
        return False
    with connection:
        answer = _receive(connection)
    if not answer or answer == greeting.encode() or _is_http2(answer):
        return bool(answer)
    if answer.startswith(_GREETING_PREFIX.encode()):
        raise UsageError(
            f"{answer.decode()!r} answers at {address}, not {greeting!r}; pass the same --workers "
            "to all."
        )
    raise UsageError(
        f"The program at {address} is not a worker of faceloom train; choose a port that is free "
        "there."
    )


def _receive(connection: socket.socket) -> bytes:
    """Return the first bytes that the other side sends; empty if it sends none."""
    try:
        return connection.recv(_MAX_GREETING_BYTES)
    except OSError:
        return b""


def _is_http2(answer: bytes) -> bool:
    """Return whether an answer comes from an HTTP/2 server, which TensorFlow's server is.

    Such a worker has finished its own rendezvous. HTTP/2 starts with a SETTINGS frame: type 4 on
    stream 0 (RFC 9113, 3.4 and 4.1). Another HTTP/2 server cannot be distinguished from it.
    """
    return len(answer) >= 9 and answer[3] == 4 and answer[5:9] == bytes(4)
