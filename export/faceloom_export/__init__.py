"""Faceloom's exporter: a run in, a bundle out, proven equal."""
