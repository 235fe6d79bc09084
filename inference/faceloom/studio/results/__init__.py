"""Converted videos: the original of each, and what the judge says of it frame by frame.

May import everything below `faceloom.cli`, and of the studio its project and its jobs.
"""
