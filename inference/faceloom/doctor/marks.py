"""Check the optional extras for signed marks and for the content check."""

import os
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from faceloom.doctor.check_result import CheckResult
from faceloom.errors import UsageError
from faceloom.installation import extras_command
from faceloom.provenance import content_check_available, load_nudity_detector
from faceloom.provenance.credentials import check_key, is_installed
from faceloom.provenance.signing_key import local_key, signing_key_folder


def check() -> Iterator[CheckResult]:
    """Check whether outputs can be signed and whether the content check runs.

    Yields:
        The results.
    """
    yield _signing()
    yield _content_check()


def _signing() -> CheckResult:
    name = "signing (C2PA)"
    if not is_installed():
        detail = "not installed; outputs are marked with tags and XMP only"
        advice = f"to sign outputs: {extras_command('provenance')}"
        return CheckResult(name, "missing", detail, advice)
    package = f"c2pa-python {version('c2pa-python')}"
    try:
        folder = signing_key_folder()
        if folder.is_dir():
            check_key(local_key())
            return CheckResult(name, "ok", f"{package}, this machine's key is in {folder}")
        parent = next(parent for parent in folder.parents if parent.exists())
        if parent.is_dir() and os.access(parent, os.W_OK):
            return CheckResult(name, "ok", f"{package}, a key will be created in {folder}")
        advice = f"{parent} is not writable; set XDG_DATA_HOME to a folder that is"
    except UsageError as error:
        advice = str(error)
    return CheckResult(name, "missing", f"{package}; outputs are not signed", advice)


def _content_check() -> CheckResult:
    name = "content check"
    if not content_check_available():
        advice = f"to refuse targets with nudity: {extras_command('content-check')}"
        return CheckResult(name, "missing", "the package nudenet is not installed", advice)
    detail = f"nudenet {version('nudenet')}"
    try:
        load_nudity_detector().detect(np.zeros((64, 64, 3), np.uint8))
    except Exception as error:  # the package raises anything, and conversion would fail as well
        return CheckResult(name, "failed", detail, f"reinstall nudenet ({error})")
    return CheckResult(name, "ok", detail)
