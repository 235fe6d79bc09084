"""Run a command under strace; list all addresses outside this machine that it or a child uses."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

# System calls that name an address.
_CALLS = "connect,bind,sendto,sendmsg,sendmmsg"
_ADDRESS = re.compile(r'inet_(?:addr\(|pton\(AF_INET6?, )"([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")
# A DNS resolver on this machine would ask others.
_DNS_PORT = "53"


@cache
def _works(*command: str) -> bool:
    program = shutil.which(command[0])
    return (
        program is not None
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )


def trace_command(trace: Path, *arguments: object, isolated: bool = True) -> list[str]:
    """Return the command line that runs `python -m ARGUMENTS` under strace.

    Args:
        trace: File for the calls.
        arguments: The arguments after `python -m`.
        isolated: Whether it runs in a network namespace of its own, where the system permits it.
            Such a namespace has no interface, not even loopback.
    """
    strace = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o")
    if not _works(*strace, "/dev/null", "true"):
        pytest.skip("strace is not installed, or may not trace here")
    namespace = ("unshare", "-r", "-n")
    prefix = namespace if isolated and _works(*namespace, "true") else ()
    return [*prefix, *strace, str(trace), sys.executable, "-m", *map(str, arguments)]


def trace_faceloom(folder: Path, *arguments: object) -> list[str]:
    """Run `faceloom ARGUMENTS`, which must succeed, and return its calls as `outside_addresses`.

    Args:
        folder: The working folder, which also receives the trace.
        arguments: The arguments.
    """
    trace = folder / "trace"
    done = subprocess.run(
        trace_command(trace, "faceloom", *arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return outside_addresses(trace)


def outside_addresses(trace: Path) -> list[str]:
    """Return the calls with an address outside this machine, or with the port of DNS.

    Args:
        trace: The file that strace wrote.
    """
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        addresses = _ADDRESS.findall(line)
        if not all(map(_LOOPBACK.match, addresses)) or (
            addresses and _DNS_PORT in _PORT.findall(line)
        ):
            found.append(line)
    return found
