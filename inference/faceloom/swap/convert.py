"""A face over a video: every frame in, every frame out, the face exchanged."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from faceloom import __version__
from faceloom.ahead import read_ahead
from faceloom.behind import write_behind
from faceloom.faces.find import FaceFinder
from faceloom.progress import Progress, Work
from faceloom.swap.analysis import LEAD, Analysis, AnalysisState, Seen
from faceloom.swap.bundle import Bundle
from faceloom.swap.cast import Cast
from faceloom.swap.manifest import Precision
from faceloom.swap.memory import Memory, Notes
from faceloom.swap.network import SwapNetwork
from faceloom.swap.options import SwapOptions
from faceloom.swap.render import render_segment
from faceloom.swap.source import FaceSource
from faceloom.swap.swapper import FrameSwapper, Moment
from faceloom.swap.unfinished import Job, Unfinished
from faceloom.video import (
    DEFAULT_ENCODING,
    Encoding,
    Frame,
    FrameRange,
    PictureWriter,
    VideoInfo,
    join_segments,
    notices,
    probe_source,
    read_source,
    refuse_output,
    replacing_output,
    spooled,
)
from faceloom.video.orient import frame_as_coded, upright

log = logging.getLogger(__name__)

# Frames of a segment: so many are lost at the most when the work is killed. Encoders set a key frame as often anyway.
SEGMENT = 250
# What the frames that go through together may take: four of 4K, all sixteen of 720p.
_BATCH_BYTES = 100_000_000
# The detector looks at every so-manyth frame; in between the mesh follows.
_DETECT_EVERY = 5


@dataclass(frozen=True, slots=True)
class ConvertOptions(SwapOptions):
    """How a video is converted: who is swapped and how it looks (see `SwapOptions`), and what the work runs on.

    provider: see `open_session`. precision: see `choose_graph`. batch: frames that go through together. encoding: how
    the pictures are encoded. stretch: the part that is converted, None: all. resume: go on with an interrupted
    conversion. force: replace what is there.
    """

    provider: str = "auto"
    precision: str = "auto"
    batch: int = 16
    encoding: Encoding = DEFAULT_ENCODING
    stretch: FrameRange | None = None
    resume: bool = False
    force: bool = False
    segment: int = field(default=SEGMENT, kw_only=True)


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did; `provider` and `precision` are those that ran.

    `still` is the crop that was pasted, if one was; then there is no precision. `missing_frames`: those in which a
    face that was there before was not found. `resumed_at`: how many frames an interrupted run had done. `notices`:
    what is not as in the source.
    """

    frames: int
    swapped_frames: int
    provider: str
    precision: Precision | None
    seconds: float
    still: str | None = None
    missing_frames: int = 0
    resumed_at: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What is converted to where. `made_by` names what gives the faces, for an unfinished conversion to be known by."""

    info: VideoInfo
    out: Path
    encoding: Encoding
    first: int
    stop: int | None
    first_pts: int | None
    begin: Fraction
    end: Fraction | None
