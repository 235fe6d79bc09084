"""What differs between operating systems: locks, children, flushing, folders, limits, shells.

Of the other modules, only `hardware`, `video.encoding.thread_priority` and `swap.pipeline.malloc`
call what exists on Linux only, and they do without it elsewhere.
"""

from faceloom.operating_system.child_signals import KILLED, blocked_interrupts, interrupt
from faceloom.operating_system.child_time import wait_for_processor_time
from faceloom.operating_system.disk_flush import flush_names, flush_to_disk
from faceloom.operating_system.file_locks import open_lock_file, remove_lock_file, try_lock
from faceloom.operating_system.process_memory import (
    address_space_limit,
    free_address_space,
    is_memory_exhausted,
)
from faceloom.operating_system.shell_commands import chain_commands, quote_word, set_variable

__all__ = [
    "KILLED",
    "address_space_limit",
    "blocked_interrupts",
    "chain_commands",
    "flush_names",
    "flush_to_disk",
    "free_address_space",
    "interrupt",
    "is_memory_exhausted",
    "open_lock_file",
    "quote_word",
    "remove_lock_file",
    "set_variable",
    "try_lock",
    "wait_for_processor_time",
]
