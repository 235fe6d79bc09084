"""Too little memory: limits that a command refuses at its start, and what an error says."""

from faceloom.errors import MemoryExhausted
from faceloom.operating_system import address_space_limit

# Address space in MB of 10^6 bytes with which each command fails on its smallest input; with much
# less, native libraries end the process with a signal while they load. Measured on Linux with two
# cores (docs/benchmarks.md). `swap` and `demo` train, `bench` extracts, and `import` imports
# TensorFlow.
_TOO_LITTLE_MB = {
    "swap": 3000,
    "studio": 600,
    "extract": 700,
    "curate": 600,
    "review": 1000,
    "train": 3000,
    "export": 3000,
    "import": 1000,
    "convert": 1000,
    "compare": 1400,
    "inspect": 600,
    "demo": 3000,
    "bench": 700,
}
# The same for other commands.
_OTHER_TOO_LITTLE_MB = 500
# An unexpected error may be due to a limit up to this many times the one above.
_CLOSE_LIMIT = 4
# Characters of an unexpected error in a message.
_MAX_REASON = 200
# What takes less memory, for the commands that have such an option.
_LESS_MEMORY = {
    "extract": "use --workers 1",
    "convert": "use --workers 1",
    "train": "set a smaller batch with --set micro_batch_size=1, or choose a smaller preset",
    "swap": "use smaller footage",
}


def check_address_space(command: str) -> None:
    """Check that this process may reserve the address space that a command needs to start.

    Args:
        command: The command's name.

    Raises:
        MemoryExhausted: It may not.
    """
    limit, too_little = address_space_limit(), _too_little(command)
    if limit is not None and limit <= too_little:
        raise MemoryExhausted(
            f"`faceloom {command}` needs more than {_megabytes(too_little)} of address space, and "
            f"this process may have {_megabytes(limit)}; raise the limit (ulimit -v) and run the "
            "same command again."
        )


def memory_exhausted(command: str) -> MemoryExhausted:
    """Return the error to print for a command that ran out of memory.

    Args:
        command: The command's name.
    """
    limited = address_space_limit() is not None
    more = "raise the limit of this process (ulimit -v)" if limited else "close other programs"
    less = f", {_LESS_MEMORY[command]}," if command in _LESS_MEMORY else ""
    return MemoryExhausted(
        f"There is too little memory to finish; {more}{less} and run the same command again."
    )


def explain_by_limit(command: str, error: Exception) -> MemoryExhausted | None:
    """Return the error to print for an unexpected one that a limit of the memory may have caused.

    A library whose import lacks memory can raise any error.

    Args:
        command: The name of the command that failed.
        error: The unexpected error.

    Returns:
        The error to print; None if this process has no limit that is close to the command's need.
    """
    limit = address_space_limit()
    if limit is None or limit > _CLOSE_LIMIT * _too_little(command):
        return None
    return MemoryExhausted(
        f"The command failed ({type(error).__name__}: {str(error)[:_MAX_REASON]}), perhaps because "
        f"this process may have only {_megabytes(limit)} of address space; raise the limit "
        "(ulimit -v) and run the same command again."
    )


def _too_little(command: str) -> int:
    return 1_000_000 * _TOO_LITTLE_MB.get(command, _OTHER_TOO_LITTLE_MB)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
