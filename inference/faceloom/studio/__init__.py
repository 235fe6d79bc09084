"""The studio: one local page that brings footage, trains, tunes and converts.

The pages show a project and add jobs; every job is a `faceloom` command that runs as a child
process.
"""
