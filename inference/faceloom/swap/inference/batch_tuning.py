"""Store the fastest batch size of this machine (`faceloom bench convert --tune`)."""

import platform
from pathlib import Path

import onnxruntime as ort
from pydantic import ValidationError

from faceloom.atomic import write_text
from faceloom.errors import UsageError
from faceloom.hardware import available_cores
from faceloom.json_documents import StrictModel, to_json
from faceloom.operating_system.user_folders import cache_folder
from faceloom.output_lock import lock_output
from faceloom.swap.sources.face_source import FaceSource

# Frames of a batch if nothing was measured.
DEFAULT_BATCH = 16
# Seconds to wait while another process stores its result.
_LOCK_SECONDS = 10.0


class TunedBatch(StrictModel):
    """The fastest batch size of one network on one machine."""

    batch: int
    """Crops of a batch."""
    crops_per_second: float
    """Throughput at that batch size."""


class TuningFile(StrictModel):
    """`tuning.json` in the user's cache folder."""

    entries: dict[str, TunedBatch] = {}
    """Results by machine, onnxruntime version, provider, precision and crop size."""


def tuned_batch_size(source: FaceSource) -> int:
    """Return the stored batch size for a source, or `DEFAULT_BATCH`.

    Args:
        source: The opened source.
    """
    entry = _read().entries.get(_key(source))
    return entry.batch if entry else DEFAULT_BATCH


def save_tuning(network: FaceSource, tuned: TunedBatch) -> Path:
    """Store the result for networks of this provider, precision and crop size.

    Args:
        network: The measured network.
        tuned: Its fastest batch size.

    Returns:
        The path of `tuning.json`.

    Raises:
        UsageError: It cannot be written.
    """
    path = tuning_path()
    with lock_output(path, _LOCK_SECONDS):
        write_text(path, to_json(TuningFile(entries={**_read().entries, _key(network): tuned})))
    return path


def tuning_path() -> Path:
    """Return the path of `tuning.json`, in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        UsageError: The user has no folder for caches.
    """
    return cache_folder() / "tuning.json"


def _read() -> TuningFile:
    # An unreadable file costs a new measurement and is no reason to fail.
    try:
        return TuningFile.model_validate_json(tuning_path().read_bytes())
    except (OSError, ValidationError, UsageError):
        return TuningFile()


def _key(source: FaceSource) -> str:
    machine = f"{platform.processor() or platform.machine()} x{available_cores()}"
    return (
        f"{machine}, onnxruntime {ort.__version__}, "
        f"{source.provider} {source.precision} {source.crop.size} px"
    )
