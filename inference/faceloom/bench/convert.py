"""Measure the stages of a conversion separately, and the whole command."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from faceloom.batches import batched
from faceloom.bench.timing import stage_table, timed
from faceloom.hardware import available_cores
from faceloom.progress import Progress, ProgressGenerator, run_to_completion
from faceloom.swap import ConvertOptions, FrameSwapper, SwapSource, convert
from faceloom.swap.inference.face_models import face_model_opener, resolve_face_provider
from faceloom.swap.pipeline.analysis import (
    Analysis,
    SegmentGrid,
    conversion_finder,
    detects_ahead,
)
from faceloom.swap.pipeline.convert import choose_batch_size
from faceloom.swap.pipeline.face_blending import SwappedFace
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.target import Target
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import Frame, SegmentWriter
from faceloom.video.display import frame_to_coded

# Frames that the separate stages use, all in memory. The whole command reads the whole video.
_FRAMES = 100
# Steps of the progress display.
_STEPS = 6


@dataclass(frozen=True, slots=True)
class ConvertBench:
    """Times of a conversion, in milliseconds per frame."""

    frames: int
    """Frames that the separate stages were measured with."""
    decode_ms: float
    """Decoding."""
    analyze_ms: float
    """Detecting, tracking, smoothing and selecting faces."""
    predict_ms: float
    """Aligning the faces and running the network."""
    blend_ms: float
    """Color transfer, masks and pasting."""
    encode_ms: float
    """Encoding."""
    total_frames: int
    """Frames of the whole video."""
    total_ms: float
    """The whole command, which overlaps the stages."""
    cores: int
    """CPU cores of the machine."""
    provider: str
    """The provider that ran."""
    precision: str
    """The precision that ran."""

    @property
    def stages(self) -> dict[str, float]:
        """Milliseconds per frame of each separate stage, by a description."""
        return {
            "decode": self.decode_ms,
            "detect, track, smooth, select": self.analyze_ms,
            "align, network": self.predict_ms,
            "color, mask, paste": self.blend_ms,
            "encode": self.encode_ms,
        }

    @property
    def ratio_to_slowest(self) -> float:
        """The whole command's time divided by its slowest stage's."""
        return self.total_ms / max(self.stages.values())

    @property
    def ratio_to_sum(self) -> float:
        """The whole command's time divided by the sum of all stages: below 1 they overlap."""
        return self.total_ms / sum(self.stages.values())

    def to_text(self) -> str:
        """Return the times as a table."""
        lines = stage_table({**self.stages, "whole command": self.total_ms})
        summary = (
            f"The whole command takes {self.ratio_to_slowest:.2f} times its slowest stage and "
            f"{self.ratio_to_sum:.2f} times the sum of all stages "
            f"({self.provider} in {self.precision}, {self.cores} cores)."
        )
        return "\n".join([*lines, summary])


def bench_convert(
    video: Path, bundle: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertBench]:
    """Measure the conversion of a video; the output is discarded.

    Args:
        video: The video.
        bundle: The bundle.
        options: How to convert.

    Returns:
        The measured times.

    Raises:
        FaceloomError: As `convert`.
    """
    source = SwapSource.from_bundle(bundle, options)
    identity_map = source.identity_map
    # The whole command runs on the same provider, without another trial.
    faces_on = resolve_face_provider(options.face_provider)
    options = replace(options, provider=identity_map.provider, face_provider=faces_on)
    with tempfile.TemporaryDirectory() as folder:
        target = Target.open(video, Path(folder) / "out.mkv", options)
        batch_size = choose_batch_size(target.info, identity_map, options)
        open_model = face_model_opener(options.face_provider)
        swapper = FrameSwapper(identity_map.sources, options, open_model=open_model)
        selector = FaceSelector(options, identity_map.reference_set(options))
        yield Progress("bench", 0, _STEPS, "decode")
        frames, decode = timed(lambda: list(islice(target.read(), _FRAMES)))
        yield Progress("bench", 1, _STEPS, "analyze")
        analysis = _warm_analysis(frames, selector, batch_size, faces_on)
        selected, analyze = timed(lambda: list(analysis.run(frames)))
        yield Progress("bench", 2, _STEPS, "predict")
        _predict(swapper, selected[:batch_size], batch_size)
        swapped, predict = timed(lambda: _predict(swapper, selected, batch_size))
        yield Progress("bench", 3, _STEPS, "blend")
        blended, blend = timed(lambda: list(swapper.blend_frames(selected, swapped)))
        yield Progress("bench", 4, _STEPS, "encode")
        _, encode = timed(lambda: _encode(blended, target, Path(folder) / "part"))
        count = len(frames)
        # The whole command must not compete with these for memory.
        del frames, selected, swapped, blended, swapper, source, identity_map
        yield Progress("bench", 5, _STEPS, "whole command")
        summary = run_to_completion(convert(video, bundle, Path(folder) / "whole.mkv", options))
    yield Progress("bench", _STEPS, _STEPS, "done")
    return ConvertBench(
        frames=count,
        decode_ms=1000 * decode / count,
        analyze_ms=1000 * analyze / count,
        predict_ms=1000 * predict / count,
        blend_ms=1000 * blend / count,
        encode_ms=1000 * encode / count,
        total_frames=summary.frames,
        total_ms=1000 * summary.seconds / summary.frames,
        cores=available_cores(),
        provider=summary.provider,
        precision=str(summary.precision),
    )


def _warm_analysis(
    frames: Sequence[Frame], selector: FaceSelector, batch_size: int, face_provider: str
) -> Analysis:
    """Return an analysis whose networks have run once."""
    finder = conversion_finder(face_provider)
    finder.find([frames[0].square_rgb])
    grid, ahead = SegmentGrid(0, len(frames)), detects_ahead(face_provider)
    return Analysis(finder.for_new_video(), selector, grid, batch_size, ahead=ahead)


def _predict(
    swapper: FrameSwapper, selected: Sequence[SelectedFrame], batch_size: int
) -> list[list[SwappedFace]]:
    return [
        faces
        for batch in batched(selected, batch_size)
        for faces in swapper.predict([swapper.align(frame) for frame in batch])
    ]


def _encode(frames: Iterable[Frame], target: Target, path: Path) -> None:
    with SegmentWriter.open(path, target.info, target.encoding) as writer:
        for frame in frames:
            writer.write(frame_to_coded(frame, target.info))
