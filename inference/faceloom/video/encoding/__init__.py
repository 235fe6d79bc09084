"""Encoders: which one, with which options, threads and pixel format."""
