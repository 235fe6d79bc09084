"""Processes that swap the segments of a conversion: of this machine, or of a Ray cluster."""
