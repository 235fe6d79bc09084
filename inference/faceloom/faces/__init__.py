"""Faces in pictures: found, measured, aligned, masked, recognized."""
