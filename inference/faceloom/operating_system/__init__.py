"""Calls that differ between operating systems: locks, signals to children, flushing, user folders.

Of the other modules, only `hardware`, `video.encoding.thread_priority` and `swap.pipeline.malloc`
call what exists on Linux only, and they do without it elsewhere.
"""

from faceloom.operating_system.child_signals import blocked_interrupts, interrupt
from faceloom.operating_system.disk_flush import flush_names, flush_to_disk
from faceloom.operating_system.file_locks import open_lock_file, remove_lock_file, try_lock

__all__ = [
    "blocked_interrupts",
    "flush_names",
    "flush_to_disk",
    "interrupt",
    "open_lock_file",
    "remove_lock_file",
    "try_lock",
]
