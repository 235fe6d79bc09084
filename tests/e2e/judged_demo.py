"""After `make demo`: the judge must put what the demo made in the order that the eye does.

python tests/e2e/judged_demo.py DEMO
"""

import json
import sys
from pathlib import Path

ORDER = ("untouched", "paste", "swap", "truth")


def main(demo: Path) -> None:
    versions = json.loads((demo / "demo.json").read_text())["compare"]["versions"]
    scores = {version["name"]: version["score"]["value"] for version in versions}
    said = ", ".join(f"{name} {scores[name]:.1f}" for name in ORDER)
    sys.stdout.write(f"The judge's order: {said}.\n")
    assert sorted(scores, key=lambda name: scores[name]) == list(ORDER), said


if __name__ == "__main__":
    main(Path(sys.argv[1]))
