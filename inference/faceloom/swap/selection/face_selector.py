"""Select the faces of each frame that are swapped, and the source for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from faceloom.choices import OnMissing
from faceloom.errors import NoFaceFound
from faceloom.faces.face_finder import Face
from faceloom.faces.tracker import NO_TRACK
from faceloom.swap.option_timeline import OptionTimeline
from faceloom.swap.options import Section, SwapOptions
from faceloom.swap.selection.lost_faces import LostFaceDetector
from faceloom.swap.selection.recognition import (
    NO_SOURCE,
    FaceRecognizer,
    ReferenceSet,
    recognition_network,
)
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame

# Another face becomes the largest one when it is this many times as large ...
_LARGER = 1.2
# ... for this many frames in a row.
_TAKEOVER_FRAMES = 12
# Frames in which a face that is not swapped must appear to count, against false detections.
_LEAST_OTHER_FRAMES = 5
# Other faces that are counted at most.
_MAX_OTHERS = 50


@dataclass(frozen=True, slots=True)
class FaceSelection:
    """The faces of one frame that are swapped, without the frame's pixels."""

    index: int
    """The frame's index in the target."""
    pts: int
    """The frame's presentation time, in units of its time base."""
    faces: tuple[tuple[Face, int], ...]
    """Each face with the index of its source."""
    lost: tuple[int, ...]
    """The sources that had a face in an earlier frame and have none in this one."""
    shot_start: bool
    """Whether the frame is the first of a shot."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which faces are swapped in the frames of one variant of an `OptionTimeline`."""

    group: int
    """The same number for all variants that swap the same people."""
    swap: bool
    """Whether faces are swapped at all."""
    track: int | None
    """The only track that is swapped."""
    only_largest: bool
    """Whether only the largest face is swapped."""
    recognizer: FaceRecognizer
    """Finds the source of a face."""
    on_missing: OnMissing
    """What happens to a frame that lost its face."""


class FaceSelector:
    """Selects the faces of a video's frames, in order.

    All that it carries from frame to frame is in `state`: a selector with a restored state
    continues exactly where the saved one stopped.

    Where a section swaps other people than the frame before it, the largest face is chosen anew,
    and no face counts as lost until the section has swapped one. The embeddings of tracks are kept,
    since they depend on no option. Where the people are the same, everything continues.
    """

    def __init__(
        self,
        options: SwapOptions,
        references: ReferenceSet,
        state: TrackState | None = None,
        sections: Sequence[tuple[Section, ReferenceSet]] = (),
    ):
        """Select by the options of a conversion and of its sections.

        Args:
            options: the options where there is no section.
            references: the people to recognize there.
            state: where an earlier selector stopped; None starts a video.
            sections: what `resolve_sections` returns, each with the people to recognize in it.

        Raises:
            UsageError: a selection is invalid.
        """
        self.state = state or TrackState()
        self._lost_faces = LostFaceDetector(self.state)
        self._timeline = OptionTimeline(options, [section for section, _ in sections])
        self._rules = self._make_rules([references, *(people for _, people in sections)])

    def _make_rules(self, references: Sequence[ReferenceSet]) -> list[_Rule]:
        """Return the rule of each variant; variants that swap the same people share a group."""
        groups: list[tuple[object, ...]] = []
        network = recognition_network(references)
        recognizer = cache(lambda group: FaceRecognizer(references[group], self.state, network))
        rules = []
        for variant, options in enumerate(self._timeline.variants):
            options.check()
            swap = self._timeline.swaps(variant)
            pictures = options.reference, options.exclude, options.threshold
            groups.append((swap, options.select, *pictures))
            group = groups.index(groups[-1])
            default = "all" if len(references[variant].embeddings) else "largest"
            largest = options.track is None and (options.select or default) == "largest"
            rules.append(
                _Rule(group, swap, options.track, largest, recognizer(group), options.on_missing)
            )
        return rules

    def select(
        self, frame: Frame, faces: Sequence[Face], *, shot_start: bool = False
    ) -> FaceSelection:
        """Select the faces of the next frame.

        Args:
            frame: the frame, upright.
            faces: all its faces, in pixels of `frame.square_rgb`.
            shot_start: whether it is the first frame of a shot.

        Returns:
            The selected faces with their sources.

        Raises:
            NoFaceFound: a face is lost and `on_missing` is "fail".
        """
        rule = self._rules[self._timeline.variant_at(frame.index)]
        self._enter(rule)
        selected = tuple(self._select(frame, faces, rule))
        self.state.add("frames")
        self.state.add("faces", len(faces))
        others = len(faces) - len(selected) if rule.swap else 0
        # Counts the frames with at least so many other faces.
        for number in range(1, min(others, _MAX_OTHERS) + 1):
            self.state.add(f"others/{number}")
        self.state.add("swapped", bool(selected))
        present = {source for _, source in selected}
        lost = self._lost_faces.lost_sources(frame, present, rule.on_missing)
        return FaceSelection(frame.index, frame.pts, selected, lost, shot_start)

    def _enter(self, rule: _Rule) -> None:
        """Forget the chosen faces if a rule swaps other people than that of the last frame."""
        counters = self.state.counters
        if counters.get("group", 0) == rule.group:
            return
        counters["group"] = rule.group
        for name in ("largest", "rival", "waited"):
            counters.pop(name, None)
        self._lost_faces.forget()

    @property
    def other_faces(self) -> int:
        """Most faces, beside the selected ones, in several frames: how many are left alone."""
        counters = self.state.counters
        least = min(_LEAST_OTHER_FRAMES, counters.get("frames", 0))
        numbers = range(1, _MAX_OTHERS + 1)
        return sum(counters.get(f"others/{number}", 0) >= max(least, 1) for number in numbers)

    def no_face_error(self, target: Path) -> NoFaceFound:
        """Return the error that says why no frame had a face to swap.

        Args:
            target: the path that the message names.
        """
        track = self._rules[0].track
        if track is not None:
            return NoFaceFound(
                f"{target} has no track {track} in these frames; nothing was written. "
                "--list-tracks shows the tracks."
            )
        if self.state.counters.get("faces", 0):
            return NoFaceFound(
                f"None of the faces in {target} is the requested person; nothing was written. "
                "See who is there with --list-tracks, or try another reference picture or a lower "
                "--threshold."
            )
        return NoFaceFound(f"No face was found in {target}; nothing was written.")

    def _select(self, frame: Frame, faces: Sequence[Face], rule: _Rule) -> list[tuple[Face, int]]:
        known = {face.track for face in faces if self.state.is_active(face.track)}
        self.state.begin_frame(face.track for face in faces)
        if not rule.swap:
            return []
        if rule.track is not None:
            faces = [face for face in faces if face.track == rule.track]
        picture = frame.square_rgb
        sources = [(face, rule.recognizer.source_of(picture, face)) for face in faces]
        candidates = [(face, source) for face, source in sources if source != NO_SOURCE]
        if not rule.only_largest:
            return candidates
        largest = self._largest_track([face for face, _ in candidates], known)
        return [(face, source) for face, source in candidates if face.track == largest]

    def _largest_track(self, faces: Sequence[Face], known: set[int]) -> int:
        """Return the track of the largest face; another one must stay larger to take over."""
        counters = self.state.counters
        current, rival = counters.get("largest", NO_TRACK), self._rival(faces)
        if rival != current:
            waited = self.state.add("waited") if rival == counters.get("rival", NO_TRACK) else 1
            counters |= {"rival": rival, "waited": waited}
            if waited > _TAKEOVER_FRAMES or not known or current == NO_TRACK:
                counters["largest"] = current = rival
        if rival == current:
            counters |= {"rival": NO_TRACK, "waited": 0}
        return current

    def _rival(self, faces: Sequence[Face]) -> int:
        """Return the track that is clearly the largest in this frame, or else the current one."""
        current = self.state.counters.get("largest", NO_TRACK)
        if not faces:
            return current
        largest = max(faces, key=lambda face: face.size)
        size = next((face.size for face in faces if face.track == current), 0.0)
        return largest.track if largest.size > _LARGER * size else current
