"""Encode frames in segments and join them to an output, which is tried before the work."""
