"""How many processes swap the segments of a conversion at once."""

import math
import sys

import psutil

from faceloom.errors import UsageError
from faceloom.hardware import available_cores, count_fitting_processes
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.target import BYTES_PER_PIXEL, Target

# Cores for each process, whose stages run in threads.
_CORES_PER_WORKER = 2
# Fewest cores for more than one process: the analysis and the decoding for it need some as well.
_MIN_CORES = 4
# Nine of one core each keep up with the analysis where it was measured (docs/decisions/0008).
_MAX_WORKERS = 10
# Memory of a process with a small network beside its frames, in bytes.
_BASE_BYTES = 400_000_000
# Frames in a process: six batches, the decoder's and the encoder's, in frames of a batch of one.
_FRAMES = 40


def choose_worker_count(target: Target, options: ConvertOptions, provider: str) -> int:
    """Return how many processes swap segments; 1: this process does it, beside the analysis.

    Only the CPU provider has several by itself: with other providers several were not measured.

    Args:
        target: what is converted.
        options: `workers` replaces the choice; `segment_length` applies.
        provider: what runs the sources, opened in this process; a key of `PROVIDERS`.

    Returns:
        The number.

    Raises:
        UsageError: several processes are asked for on Windows, which cannot hand them their
            connection.
    """
    if options.workers is not None:
        if options.workers > 1 and sys.platform == "win32":
            raise UsageError("--workers above 1 does not run on Windows; leave it out.")
        return options.workers
    cores, frames = available_cores(), target.frame_count
    if (
        provider != "cpu"
        or sys.platform == "win32"
        or cores < _MIN_CORES
        or (frames or math.inf) < 2 * options.segment_length
        or not target.can_start_at_a_time
    ):
        return 1
    counts = [cores // _CORES_PER_WORKER, _MAX_WORKERS]
    frame_bytes = BYTES_PER_PIXEL * target.info.width * target.info.height
    worker_bytes = max(_BASE_BYTES, own_memory()) + _FRAMES * frame_bytes
    counts.append(count_fitting_processes(worker_bytes))
    if frames is not None:
        counts.append(-(-frames // options.segment_length))
    return max(1, min(counts))


def own_memory() -> int:
    """Return the bytes that this process uses; a worker opens the same networks as it has open."""
    return int(psutil.Process().memory_info().rss)
