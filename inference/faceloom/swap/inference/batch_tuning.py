"""What was found fastest on this machine, kept between conversions (`faceloom bench convert --tune`)."""

import os
import platform
from pathlib import Path

import onnxruntime as ort
from pydantic import ValidationError

from faceloom.atomic import write_text
from faceloom.json_documents import Strict, to_json
from faceloom.swap.inference.swap_network import SwapNetwork

# Frames that go through together where nothing was found.
DEFAULT_BATCH = 16


class Tuned(Strict):
    """The fastest batch of a network on a machine, and its crops a second there."""

    batch: int
    crops_per_second: float


class TuningFile(Strict):
    """`tuning.json` in the user's cache folder: by machine, onnxruntime, provider, precision and size."""

    found: dict[str, Tuned] = {}


def tuned_batch(network: SwapNetwork) -> int:
    """Return the batch that was found for a network like this, or the default."""
    found = _read().found.get(_key(network))
    return found.batch if found else DEFAULT_BATCH


def remember(network: SwapNetwork, tuned: Tuned) -> Path:
    """Keep what was found for networks like this, and return where."""
    path = tuning_path()
    write_text(path, to_json(TuningFile(found={**_read().found, _key(network): tuned})))
    return path


def tuning_path() -> Path:
    """Where it is kept: in XDG_CACHE_HOME, or ~/.cache."""
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "faceloom"
        / "tuning.json"
    )


def _read() -> TuningFile:
    # What cannot be read is found again, not a reason to stop.
    try:
        return TuningFile.model_validate_json(tuning_path().read_bytes())
    except (OSError, ValidationError):
        return TuningFile()


def _key(network: SwapNetwork) -> str:
    machine = f"{platform.processor() or platform.machine()} x{os.cpu_count()}"
    return f"{machine}, onnxruntime {ort.__version__}, {network.provider} {network.precision} {network.crop.size} px"
