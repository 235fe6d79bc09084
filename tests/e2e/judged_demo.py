"""After `make demo`: the scores must rank the demo's versions as a person does.

python tests/e2e/judged_demo.py DEMO
"""

import json
import sys
from pathlib import Path

# From the worst to the best version; an unchanged target and a frozen face are no swap, either one.
ORDER = ("target", "paste", "swap", "truth")


def main(demo: Path) -> None:
    versions = json.loads((demo / "demo.json").read_text())["compare"]["versions"]
    scores = {version["name"]: version["score"]["value"] for version in versions}
    text = ", ".join(f"{name} {scores[name]:.1f}" for name in ORDER)
    sys.stdout.write(f"Scores: {text}.\n")
    assert max(scores["target"], scores["paste"]) < 1 < scores["swap"] < scores["truth"], text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
