"""Vendored files are those that the list names, unchanged."""

import hashlib
import re
from pathlib import Path

from faceloom import studio

VENDOR = Path(str(studio.__file__)).parent / "static" / "vendor"


def test_every_vendored_file_has_its_sum() -> None:
    listed = dict(
        re.findall(r"^\| (\S+) \|.*`([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.M)
    )
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert listed == found
    assert found
