"""Rewriting the ONNX files of the face models that ship with Faceloom (a maintainer's tool).

May import `faceloom`; no other part of the exporter.
"""
