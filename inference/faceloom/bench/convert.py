"""The stages of a conversion, each alone, and the whole."""

import os
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from faceloom.batches import batched
from faceloom.bench.timing import timed
from faceloom.faces.face_finder import FaceFinder
from faceloom.progress import Progress, ProgressGenerator, run_to_completion
from faceloom.swap.pipeline.analysis import DETECT_EVERY, Analysis
from faceloom.swap.pipeline.convert import (
    ConvertOptions,
    batch_of,
    convert,
    open_network,
    open_target,
)
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.video import PictureWriter
from faceloom.video.rotation import frame_as_coded

# Frames that are kept in memory for the stages; the whole command is measured on the whole clip.
_FRAMES = 100


@dataclass(frozen=True, slots=True)
class ConvertBench:
    """Milliseconds a frame of each stage alone, and of the whole command, which overlaps them.

    draw: cut the faces out and run the network. blend: match, mask and paste. whole_frames: frames of the clip.
    """

    frames: int
    decode: float
    look: float
    draw: float
    blend: float
    encode: float
    whole_frames: int
    whole: float
    cores: int
    provider: str
    precision: str

    @property
    def stages(self) -> dict[str, float]:
        """The stages alone, by what they do."""
        return {
            "decode": self.decode,
            "detect, follow, steady, choose": self.look,
            "align, network": self.draw,
            "match, mask, paste": self.blend,
            "encode": self.encode,
        }

    @property
    def against_slowest(self) -> float:
        """The whole against its slowest stage."""
        return self.whole / max(self.stages.values())

    @property
    def against_all(self) -> float:
        """The whole against the stages one after the other: below 1 they overlap."""
        return self.whole / sum(self.stages.values())

    def to_text(self) -> str:
        """Return the stages as a table."""
        rows = {**self.stages, "the whole command": self.whole}
        lines = [
            f"{name:<32}{ms:>8.1f} ms a frame{1000 / ms:>8.0f} frames/s"
            for name, ms in rows.items()
        ]
        end = (
            f"The whole takes {self.against_slowest:.2f} times its slowest stage, and {self.against_all:.2f} times all "
            f"of them one after the other ({self.provider} in {self.precision}, {self.cores} cores)."
        )
        return "\n".join([*lines, end])


def bench_convert(
    video: Path, bundle: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertBench]:
    """Measure the conversion of `video` by a bundle; what it writes is thrown away."""
    network = open_network(bundle, options.provider, options.precision)
    with tempfile.TemporaryDirectory() as folder:
        target = open_target(video, Path(folder) / "out.mkv", options)
        batch = batch_of(target.info, network, options)
        swapper = FrameSwapper(network, options)
        yield Progress("bench", 0, 6, "decode")
        frames, decode = timed(lambda: list(islice(target.read(), _FRAMES)))
        yield Progress("bench", 1, 6, "look")
        finder = FaceFinder(detect_every=DETECT_EVERY)
        finder.find([frames[0].rgb])
        analysis = Analysis(
            finder.renewed(), swapper.choice, first=0, segment=len(frames), batch=batch
        )
        seen, look = timed(lambda: list(analysis.run(frames)))
        moments = [one.moment for one in seen]
        yield Progress("bench", 2, 6, "draw")
        swapper.draw(moments[:batch])
        drawn, draw = timed(
            lambda: [faces for group in batched(moments, batch) for faces in swapper.draw(group)]
        )
        yield Progress("bench", 3, 6, "blend")
        done, blend = timed(lambda: list(swapper.blend_all(moments, drawn)))
        yield Progress("bench", 4, 6, "encode")

        def encode_all() -> None:
            with PictureWriter.open(Path(folder) / "part", target.info, target.encoding) as writer:
                for frame in done:
                    writer.write(frame_as_coded(frame, target.info.rotation))

        _, encode = timed(encode_all)
        count = len(frames)
        del frames, seen, moments, drawn, done, swapper, network  # the command opens its own
        yield Progress("bench", 5, 6, "whole")
        summary = run_to_completion(convert(video, bundle, Path(folder) / "whole.mkv", options))
    yield Progress("bench", 6, 6, "done")
    return ConvertBench(
        frames=count,
        decode=1000 * decode / count,
        look=1000 * look / count,
        draw=1000 * draw / count,
        blend=1000 * blend / count,
        encode=1000 * encode / count,
        whole_frames=summary.frames,
        whole=1000 * summary.seconds / summary.frames,
        cores=os.cpu_count() or 1,
        provider=summary.provider,
        precision=str(summary.precision),
    )
