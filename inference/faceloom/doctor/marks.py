"""What marks outputs and looks at targets beyond what is always there: two extras."""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from faceloom.doctor.finding import Finding
from faceloom.provenance import can_check, open_detector
from faceloom.provenance.credentials import is_installed
from faceloom.provenance.signing_key import signing_folder


def check() -> Iterator[Finding]:
    """Say whether outputs can be signed, and whether the content check runs."""
    yield _signing()
    yield _content_check()


def _signing() -> Finding:
    if not is_installed():
        advice = "to sign what convert writes: pip install 'faceloom[provenance]'"
        return Finding(
            "signing (C2PA)", "missing", "outputs are marked with tags and XMP alone", advice
        )
    key = "this machine's key is" if signing_folder().is_dir() else "a key will be made"
    return Finding(
        "signing (C2PA)", "ok", f"c2pa-python {version('c2pa-python')}, {key} in {signing_folder()}"
    )


def _content_check() -> Finding:
    if not can_check():
        advice = "to refuse targets that show naked people: pip install 'faceloom[content-check]'"
        return Finding("content check", "missing", "the package nudenet is not installed", advice)
    try:
        open_detector().detect(np.zeros((64, 64, 3), np.uint8))
    except Exception as error:  # whatever the package raises: conversion would meet it as well
        return Finding(
            "content check",
            "failed",
            f"nudenet {version('nudenet')}",
            f"install it again ({error})",
        )
    return Finding("content check", "ok", f"nudenet {version('nudenet')}")
