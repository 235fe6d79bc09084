"""Run commands with a failed system call, a kill or a power failure; check that nothing is lost.

`preload.c` fails a call, kills the process at it, or records all calls; `fork_server` runs commands
with that library preloaded, and `fault_runner` starts the server and sends it commands.
`scenarios` lists the commands; the modules `*_program` are some of them. `trial` runs one
with a fault, checks what it leaves, and continues it. `recording` reads recorded calls, and
`lossy_disk` computes which files a power failure leaves of them.
"""
