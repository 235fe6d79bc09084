"""The queue of commands: on disk, one at a time."""
