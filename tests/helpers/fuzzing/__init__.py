"""Damaged files for the readers of files from strangers."""
