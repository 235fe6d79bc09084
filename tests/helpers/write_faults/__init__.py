"""Run commands with one failed system call, and check that nothing is lost.

`preload.c` fails a call or kills the process at it; `fork_server` runs commands with that library
preloaded, and `fault_runner` starts the server and sends it commands. `scenarios` lists the
commands, and `trial` runs one with a fault, checks what it leaves, and continues it.
"""
