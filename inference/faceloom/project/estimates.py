"""How long the steps without training take, by measured facts."""

from faceloom.project.machine_speed import (
    REFERENCE_CORE_GFLOPS,
    REFERENCE_CORES,
    MachineSpeed,
)
from faceloom.project.project_file import StepSeconds

# Start of a command that loads the face models, in seconds.
_START = 2.5
# Reading of the face sets and the page of a review, in seconds: assumed.
_REVIEW = 4.0
# Start of the exporter, with its parity check, in seconds.
_EXPORT = 22.0
# Seconds per frame, and per frame and million pixels, of each command (docs/benchmarks.md).
_EXTRACT = (0.009, 0.012)
_CONVERT = (0.020, 0.020)
_COMPARE = (0.045, 0.030)
# Frames that the review measures: every n-th, in total about so many.
REVIEW_FRAMES = 120
# Frames that the comparison measures at most.
COMPARE_FRAMES = 600
# Frames of a preview.
_PREVIEW_FRAMES = 6
# Limits of the machine's slowness: the probe is an estimate.
_SLOWNESS = (0.3, 6.0)


def _slowness_of(machine: MachineSpeed) -> float:
    """Return how much longer the steps take than on the documented machine.

    Args:
        machine: The machine.
    """
    # More than four cores do not make these steps faster.
    gflops = machine.core_gflops * min(machine.cores, 4)
    return min(max(REFERENCE_CORES * REFERENCE_CORE_GFLOPS / gflops, _SLOWNESS[0]), _SLOWNESS[1])


def estimate_seconds(
    machine: MachineSpeed, *, guest_frames: int, target_frames: int, frames: int, megapixels: float
) -> StepSeconds:
    """Estimate the steps without training on a machine.

    Args:
        machine: The machine.
        guest_frames: Frames of the guest's footage that are used.
        target_frames: Frames of the target's footage that are used.
        frames: Frames of the target.
        megapixels: Size of a frame in millions of pixels.
    """
    slowness = _slowness_of(machine)

    def seconds(start: float, count: int = 0, cost: tuple[float, float] = (0.0, 0.0)) -> float:
        return slowness * (start + count * (cost[0] + cost[1] * megapixels))

    return StepSeconds(
        extract_guest=seconds(_START, guest_frames, _EXTRACT),
        extract_target=seconds(_START, target_frames, _EXTRACT),
        review=seconds(_START + _REVIEW, min(frames, REVIEW_FRAMES), _COMPARE),
        export=seconds(_EXPORT),
        preview=seconds(_START, _PREVIEW_FRAMES, _COMPARE),
        convert=seconds(_START, frames, _CONVERT),
        compare=seconds(_START, min(frames, COMPARE_FRAMES), _COMPARE),
    )
