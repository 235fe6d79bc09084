"""Find the faces of one frame and of those before it, so that it is smoothed as in a conversion."""

from collections.abc import Iterable, Iterator

from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS, smooth_alignment
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.video import Frame, VideoInfo
from faceloom.video.display import frame_to_upright

# Frames before a single one that are swapped first, so that everything that is smoothed over time
# is as in a whole conversion.
FRAME_LEAD_IN = 12
# Most frames before a single one whose faces are found, unless a track is selected.
MAX_FRAME_LEAD_IN = FRAME_LEAD_IN + DETECT_EVERY - 1


def first_frame(index: int) -> int:
    """Return the index of the first frame whose faces a single frame depends on.

    It is a multiple of `DETECT_EVERY`: the detector runs in the same frames as in a conversion, and
    successive frames depend on the same first frame. A selected track needs all frames instead,
    since its number counts from the first frame of the clip.

    Args:
        index: the single frame.
    """
    return max(0, (index - FRAME_LEAD_IN) // DETECT_EVERY * DETECT_EVERY)


def find_in_frames(
    frames: Iterable[Frame], info: VideoInfo, last: int
) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield frames up to the last one and a few more, upright, with their smoothed faces.

    Args:
        frames: the frames in coded orientation, from `first_frame` on.
        info: the source.
        last: index of the frame that is asked for; a few frames after it are read to smooth it.

    Yields:
        Each frame with its faces.
    """
    found = _find(frames, info, last + SMOOTHING_RADIUS)
    yield from smooth_alignment(found, fill_gaps=True)


def _find(
    frames: Iterable[Frame], info: VideoInfo, last: int
) -> Iterator[tuple[Frame, list[Face]]]:
    finder = FaceFinder(detect_every=DETECT_EVERY)
    for frame in frames:
        upright = frame_to_upright(frame, info)
        yield upright, finder.find([upright.square_rgb])[0]
        if frame.index == last:
            return
