"""Decide before the work what becomes of each stream: tried with the real muxer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import get_args

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from faceloom.choices import StreamAction, StreamMode
from faceloom.errors import UsageError
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS, reason
from faceloom.video.frame_range import TimeRange
from faceloom.video.info import VideoInfo
from faceloom.video.safe_open import open_input
from faceloom.video.streams.container_rules import (
    MUXER_OPTIONS,
    TEXT_SUBTITLES,
    codec_label,
    rules_of,
)
from faceloom.video.streams.null_output import NullFile
from faceloom.video.streams.packets import COPIED_TYPES, codec_name, packets_in
from faceloom.video.streams.sinks import CopySink, Sink, SoundSink, SubtitleSink
from faceloom.video.streams.timecode import advance, source_timecode

# Values of --streams.
STREAM_MODES: tuple[StreamMode, ...] = get_args(StreamMode)
# Packets of a stream that are transcoded for the trial; decoding all would take too long.
_TRIAL_PACKETS = 20


@dataclass(frozen=True, slots=True)
class StreamDecision:
    """What becomes of one sound or subtitle stream."""

    index: int
    """Index in the source."""

    kind: str
    """"audio" or "subtitle"."""

    codec: str
    """FFmpeg's name of the source's codec."""

    action: StreamAction
    """Copied, transcoded or left out."""

    new_codec: str = ""
    """What it is transcoded to."""

    problem: str = ""
    """Why it is not copied; empty for a copy."""

    moved: int = 0
    """Copied packets whose time does not rise and is moved."""

    dropped: int = 0
    """Copied packets that are left out, since they have no time or one that is far too early."""

    def sentence(self, name: str) -> str:
        """Describe the decision in one line; empty for a plain copy.

        Args:
            name: The output's name.
        """
        label = f"stream {self.index} ({self.kind}, {codec_label(self.codec)})"
        if self.action == "transcode":
            new = codec_label(self.new_codec)
            return f"{name}: {label} is transcoded to {new}, since {self.problem}."
        if self.action == "drop":
            return f"{name}: {label} is left out, since {self.problem}."
        mended = [f"{self.moved} with a repeated time are moved"] if self.moved else []
        mended += [f"{self.dropped} without a usable time are left out"] if self.dropped else []
        return f"{name}: of the packets of {label}, {' and '.join(mended)}." if mended else ""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What becomes of everything in a source besides its frames."""

    decisions: tuple[StreamDecision, ...] = ()
    """One for each sound and subtitle stream."""

    timecode: str | None = None
    """Timecode of the first frame of the output; None: it has none."""

    keep_chapters: bool = True
    """Whether chapters are copied."""

    keep_tags: bool = True
    """Whether the tags of the file and its streams are copied."""

    left_out: tuple[str, ...] = ()
    """What the container refuses besides streams, for a message."""

    def sentences(self, name: str) -> list[str]:
        """Describe in one line each what is not simply copied.

        Args:
            name: The output's name.
        """
        lines = [line for each in self.decisions if (line := each.sentence(name))]
        return lines + [
            f"{name} cannot hold the source's {what}; left out." for what in self.left_out
        ]


def plan_streams(
    info: VideoInfo, container: str, mode: StreamMode, time_range: TimeRange, name: str
) -> StreamPlan:
    """Decide what becomes of each stream; reads every packet once.

    Args:
        info: The source.
        container: FFmpeg's name of the output's container.
        mode: Value of --streams.
        time_range: The part that is converted, in seconds on the source's clock.
        name: The output's name, for the error message.

    Raises:
        UsageError: If `mode` is "keep" and a stream cannot be copied.
    """
    if info.kind == "image_sequence":
        return StreamPlan()
    with open_input(info.path) as source:
        decisions = [
            _first_choice(stream, container, mode)
            for stream in source.streams
            if stream.type in COPIED_TYPES
        ]
        timecode = source_timecode(source)
        decisions = list(_tried(info, source, decisions, container, time_range))
    decisions = [_second_choice(info, each, container, mode) for each in decisions]
    if mode == "keep" and (lost := next((d for d in decisions if d.action != "copy"), None)):
        other = "" if container == "matroska" else ", or a name that ends in .mkv"
        raise UsageError(
            f"{name} cannot keep stream {lost.index} ({lost.kind}, {codec_label(lost.codec)}) of "
            f"{info.path}, since {lost.problem}; use --streams auto, which transcodes it or leaves "
            f"it out{other}."
        )
    if timecode:
        frames = round((time_range.start - info.start) * info.average_rate)
        timecode = advance(timecode, max(0, frames), info.average_rate)
    return StreamPlan(tuple(decisions), timecode)


def open_sink(
    decision: StreamDecision, source: InputContainer, target: OutputContainer
) -> Sink | None:
    """Add the output's stream for a decision.

    Args:
        decision: The decision.
        source: The source container.
        target: The output container; nothing is muxed yet.

    Returns:
        What the stream's packets are written to; None if it is left out.

    Raises:
        ValueError: If the container or the encoder does not support it.
    """
    stream = source.streams[decision.index]
    if decision.action == "drop":
        return None
    if decision.action == "copy":
        return CopySink(stream, target)
    if isinstance(stream, AudioStream):
        return SoundSink(stream, target, decision.new_codec)
    return SubtitleSink(stream, target, decision.new_codec)


def _first_choice(stream: Stream, container: str, mode: StreamMode) -> StreamDecision:
    """Copy, unless the mode or the container's rules forbid it."""
    codec, rules = codec_name(stream), rules_of(container)
    decision = StreamDecision(stream.index, stream.type, codec, "copy")
    standard = rules.sound if stream.type == "audio" else rules.subtitle
    if mode == "transcode" and codec_label(codec) != codec_label(standard):
        problem = f"--streams transcode does not copy {codec_label(codec)}"
        return replace(decision, action="drop", problem=problem)
    if mode == "auto" and codec.startswith(rules.unplayed or ("\0",)):
        return replace(
            decision,
            action="drop",
            problem="many players cannot play it in this container (.mov and .mkv keep it)",
        )
    return decision


def _tried(
    info: VideoInfo,
    source: InputContainer,
    decisions: Sequence[StreamDecision],
    container: str,
    time_range: TimeRange,
) -> Iterator[StreamDecision]:
    """Copy every packet of each stream that is to be copied into a container of its own."""
    trials = {d.index: _Trial(d, source, container) for d in decisions if d.action == "copy"}
    for packet in packets_in(source, list(trials), time_range, info.start):
        trials[packet.stream.index].write(packet)
    for decision in decisions:
        trial = trials.get(decision.index)
        yield trial.finish() if trial else decision


@dataclass(slots=True)
class _Trial:
    """One stream, written to a container that keeps nothing."""

    decision: StreamDecision
    """What is tried."""

    source: InputContainer
    """The source container."""

    container: str
    """FFmpeg's name of the output's container."""

    target: OutputContainer | None = None
    """The output container; None after it refused something."""

    sink: Sink | None = None
    """The output's stream."""

    problem: str = ""
    """What the container refused."""

    written: int = field(default=0)
    """Packets so far."""

    def __post_init__(self) -> None:
        self.target = av.open(NullFile(), "w", format=self.container, options=MUXER_OPTIONS)
        try:
            self.sink = open_sink(self.decision, self.source, self.target)
        except FFMPEG_ERRORS:
            self.problem = "the container cannot hold it"

    def write(self, packet: "Packet[Stream]") -> None:
        """Write a packet, unless the container refused an earlier one."""
        if self.problem or self.sink is None:
            return
        try:
            self.sink.write(packet)
            self.written += 1
        except FFMPEG_ERRORS as error:
            self.problem = f"the container refuses its packets ({reason(error)})"

    def finish(self) -> StreamDecision:
        """Close the container; return the decision with what was found."""
        assert self.target is not None, "opened by __post_init__"
        try:
            if self.sink is not None and not self.problem:
                self.sink.finish()
                self.target.start_encoding()
            self.target.close()
        except FFMPEG_ERRORS as error:
            self.problem = self.problem or f"the container refuses it ({reason(error)})"
        if not self.written and self.container in ("mp4", "mov"):
            self.problem = self.problem or "it is empty"  # the muxer leaves it out silently
        if self.problem:
            return replace(self.decision, action="drop", problem=self.problem)
        times = self.sink.times if self.sink else None
        if times is None:
            return self.decision
        return replace(self.decision, moved=times.moved, dropped=times.dropped)


def _second_choice(
    info: VideoInfo, decision: StreamDecision, container: str, mode: StreamMode
) -> StreamDecision:
    """Transcode a stream that cannot be copied, if a few packets of it show that this works."""
    if decision.action == "copy" or mode in ("keep", "drop"):
        return decision
    rules = rules_of(container)
    if decision.kind == "subtitle" and decision.codec not in TEXT_SUBTITLES:
        problem = f"{decision.problem}, and pictures do not become text"
        return replace(decision, problem=problem)
    new_codec = rules.sound if decision.kind == "audio" else rules.subtitle
    attempt = replace(decision, action="transcode", new_codec=new_codec)
    with open_input(info.path) as source:
        trial = _Trial(attempt, source, container)
        for packet in packets_in(source, [decision.index], TimeRange(), Fraction(0)):
            if trial.written == _TRIAL_PACKETS or trial.problem:
                break
            trial.write(packet)
        tried = trial.finish()
    if tried.action == "transcode":
        return attempt
    return replace(decision, problem=f"{decision.problem}, and it cannot be transcoded")
