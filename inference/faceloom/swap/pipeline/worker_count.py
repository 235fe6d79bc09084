"""How many processes swap the segments of a conversion at once."""

import math

from faceloom.cpu_features import available_cores, available_memory
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.target import Target

# Cores for each process, whose stages run in threads.
_CORES_PER_WORKER = 2
# Fewest cores for more than one process: the analysis and the decoding for it need some as well.
_MIN_CORES = 4
# Nine of one core each keep up with the analysis where it was measured (docs/decisions/0008).
_MAX_WORKERS = 10
# Memory of a process beside its frames, in bytes.
_BASE_BYTES = 400_000_000
# Frames in a process: six batches, the decoder's and the encoder's, in frames of a batch of one.
_FRAMES = 40
# Bytes per pixel of such a frame, see `choose_batch_size`.
_BYTES_PER_PIXEL = 4.5
# Share of the free memory that the processes may take.
_MEMORY_SHARE = 0.7


def choose_worker_count(target: Target, options: ConvertOptions, *, on_gpu: bool) -> int:
    """Return how many processes swap segments; 1: this process does it, beside the analysis.

    Args:
        target: what is converted.
        options: `workers` replaces the choice; `segment_length` applies.
        on_gpu: whether the sources run on a GPU, which one process keeps busy.

    Returns:
        The number.
    """
    if options.workers is not None:
        return options.workers
    cores, frames = available_cores(), target.frame_count
    if on_gpu or cores < _MIN_CORES or (frames or math.inf) < 2 * options.segment_length:
        return 1
    counts = [cores // _CORES_PER_WORKER, _MAX_WORKERS]
    frame_bytes = _BYTES_PER_PIXEL * target.info.width * target.info.height
    worker_bytes = _BASE_BYTES + _FRAMES * frame_bytes
    counts.append(int(_MEMORY_SHARE * available_memory() / worker_bytes))
    if frames is not None:
        counts.append(-(-frames // options.segment_length))
    return max(1, min(counts))
