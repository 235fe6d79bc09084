"""Conversions of several targets: from the command line, or listed in a job file.

May import everything of `faceloom.swap` but `faceloom.swap.preview`.
"""
