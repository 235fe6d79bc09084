"""A program with the command line of `faceloom` that only writes empty artifacts.

It adds each command to starts.txt in the working folder, waits at the command that has the text of
wait.txt in it, and fails at the one with the text of fail.txt.
"""

import json
import sys
import time
from pathlib import Path

# The option that names the artifact, where it is not --out.
OUTPUTS = {"train": "--run", "review": "--report", "compare": "--report"}
# The file that completes an artifact that is a folder.
MARKERS = {"extract": "faceset.json", "export": "manifest.json", "train": "config.yaml"}


def main(words: list[str]) -> None:
    command, is_preview = words[0], "--preview" in words
    with Path("starts.txt").open("a") as starts:
        starts.write(" ".join(words) + "\n")
    _report(command, 1)
    if _names("fail.txt", words):
        sys.stderr.write("faceloom: it does not work.\n")
        sys.exit(6)
    if _names("wait.txt", words):
        time.sleep(60)
    option = "--preview" if is_preview else OUTPUTS.get(command, "--out")
    out = Path(words[words.index(option) + 1])
    path = out / MARKERS[command] if command in MARKERS else out
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(" ".join(words))
    part.replace(path)
    _report(command, 2)
    result = {"step": 7, "total": 7, "frames": 75, "swapped_frames": 70}
    sys.stdout.write(json.dumps(result) + "\n")


def _names(file: str, words: list[str]) -> bool:
    path = Path(file)
    return path.is_file() and path.read_text() in " ".join(words)


def _report(stage: str, done: int) -> None:
    progress = {"stage": stage, "done": done, "total": 2, "note": ""}
    sys.stderr.write(json.dumps(progress) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
