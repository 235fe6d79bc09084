"""How long the steps without training take, by measured facts."""

from faceloom.project.machine_speed import MachineSpeed

# The steps of a swap without the training, by the names that plans and estimates use.
EXTRACT_GUEST = "extract guest"
EXTRACT_TARGET = "extract target"
REVIEW = "review"
EXPORT = "export"
PREVIEW = "preview"
CONVERT = "convert"
COMPARE = "compare"
# Speed of the documented machine, two cores, in GFLOPS of `measure_speed`.
_REFERENCE_GFLOPS = 200.0
# Start of a command that loads the face models, in seconds.
_START = 2.5
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


def slowness_of(machine: MachineSpeed) -> float:
    """Return how much longer the steps take than on the documented machine.

    Args:
        machine: The machine.
    """
    # More than four cores do not make these steps faster.
    gflops = machine.core_gflops * min(machine.cores, 4)
    return min(max(_REFERENCE_GFLOPS / gflops, _SLOWNESS[0]), _SLOWNESS[1])


def estimate_seconds(
    *, guest_frames: int, target_frames: int, frames: int, megapixels: float
) -> dict[str, float]:
    """Estimate the steps on the documented machine.

    Args:
        guest_frames: Frames of the guest's footage that are used.
        target_frames: Frames of the target's footage that are used.
        frames: Frames of the target.
        megapixels: Size of a frame in millions of pixels.

    Returns:
        Seconds by the step's name.
    """

    def per_frame(cost: tuple[float, float]) -> float:
        return cost[0] + cost[1] * megapixels

    reviewed, compared = min(frames, REVIEW_FRAMES), min(frames, COMPARE_FRAMES)
    return {
        EXTRACT_GUEST: _START + guest_frames * per_frame(_EXTRACT),
        EXTRACT_TARGET: _START + target_frames * per_frame(_EXTRACT),
        REVIEW: _START + 4 + reviewed * per_frame(_COMPARE),
        EXPORT: _EXPORT,
        PREVIEW: _START + _PREVIEW_FRAMES * per_frame(_COMPARE),
        CONVERT: _START + frames * per_frame(_CONVERT),
        COMPARE: _START + compared * per_frame(_COMPARE),
    }
