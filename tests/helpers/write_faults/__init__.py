"""Fail, or kill at, each system call by which a command writes."""
