"""What differs between operating systems: locks, signals to children, flushing, user folders.

All other modules are free of calls that exist on one system only, or check for them in place
(`hardware`, `video.encoding.thread_priority` and `swap.pipeline.malloc` do nothing off Linux).
"""

from faceloom.operating_system.child_signals import blocked_interrupts, interrupt
from faceloom.operating_system.file_locks import open_lock_file, remove_lock_file, try_lock
from faceloom.operating_system.folder_flush import flush_to_disk

__all__ = [
    "blocked_interrupts",
    "flush_to_disk",
    "interrupt",
    "open_lock_file",
    "remove_lock_file",
    "try_lock",
]
