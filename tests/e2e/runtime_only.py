"""Check the runtime alone: `make runtime` runs this after `pip install .[cpu]`."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

# Packages that the runtime must not install.
FORBIDDEN = ("tensorflow", "keras", "torch", "jax", "onnx", "tf2onnx", "yaml")


def main(demo: Path) -> None:
    installed = [name for name in FORBIDDEN if importlib.util.find_spec(name)]
    assert not installed, f"the runtime's environment contains {installed}"
    sample = (
        Path(str(importlib.util.find_spec("faceloom").submodule_search_locations[0]))
        / "demo"
        / "sample"
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "swapped.mp4"
        convert = [
            "convert",
            sample / "target_ada.mp4",
            "--bundle",
            demo / "project" / "bundles" / "ben-ada-laptop_128.bundle",
            "--out",
            out,
        ]
        subprocess.run([sys.executable, "-m", "faceloom", *map(str, convert)], check=True)
        assert out.stat().st_size > 10000
    refused = subprocess.run(
        [sys.executable, "-m", "faceloom", "train", "--config", "smoke", "--run", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 4, refused.stderr
    assert "pip install 'faceloom[train]'" in refused.stderr
    size = sum(
        file.stat().st_size
        for file in Path(sys.prefix).rglob("*")
        if file.is_file() and not file.is_symlink()
    )
    print(
        f"The runtime works without {', '.join(FORBIDDEN)}; "
        f"its environment takes {size / 1e6:.0f} MB with pip."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
