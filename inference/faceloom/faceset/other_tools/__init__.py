"""Faces that other tools cut out: what faceswap and DeepFaceLab store about them, read as data."""
