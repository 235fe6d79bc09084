"""Which source the user asked for: a bundle, a bundle for each of several people, or a still."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.progress import ProgressGenerator
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.swap_source import Assignment, SwapSource
from faceloom.video import VideoInfo


@dataclass(frozen=True, slots=True)
class SwapRequest:
    """Exactly one of the fields is given."""

    bundle: Path | None = None
    """One bundle."""
    assignments: tuple[Assignment, ...] = ()
    """A bundle for each of several people."""
    face_set: Path | None = None
    """The face set whose best still is pasted."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The pictures, bundles and face sets that are read."""
        single = (path for path in (self.bundle, self.face_set) if path)
        return (*single, *(path for pair in self.assignments for path in pair))

    @classmethod
    def from_options(
        cls,
        bundle: Path | None,
        assignments: Sequence[Assignment],
        face_set: Path | None,
        *,
        paste: bool,
    ) -> "SwapRequest":
        """Combine the options of the command line.

        Args:
            bundle: --bundle.
            assignments: each --map.
            face_set: --identity.
            paste: whether --baseline paste is given.

        Returns:
            The request.

        Raises:
            UsageError: none or several sources are given, or one is incomplete.
        """
        if (bundle is not None) + bool(assignments) + paste != 1:
            raise UsageError(
                "Give exactly one of --bundle BUNDLE, --map REF.jpg=BUNDLE and --baseline paste."
            )
        if face_set and not paste:
            raise UsageError(
                "--identity is only used with --baseline paste; a bundle contains its own face, "
                "so leave it out."
            )
        if paste and face_set is None:
            raise UsageError(
                "--baseline paste needs --identity FACESET, the face set to take the still from."
            )
        return cls(bundle, tuple(assignments), face_set)

    def open(self, info: VideoInfo, options: ConvertOptions) -> ProgressGenerator[SwapSource]:
        """Open the source for a target.

        Args:
            info: the target; a still is chosen to fit it.
            options: the conversion's options.

        Returns:
            The source.

        Raises:
            FaceloomError: as `SwapSource.from_bundle`, `from_assignments` and `from_face_set`.
        """
        if self.face_set:
            return (yield from SwapSource.from_face_set(self.face_set, info, options))
        return self.open_bundles(options)

    def open_bundles(self, options: ConvertOptions) -> SwapSource:
        """Open a source that does not depend on the target.

        Args:
            options: the conversion's options.

        Returns:
            The source.

        Raises:
            UsageError: the request is a still.
            FaceloomError: as `SwapSource.from_bundle` and `from_assignments`.
        """
        if self.bundle:
            return SwapSource.from_bundle(self.bundle, options)
        if self.assignments:
            return SwapSource.from_assignments(self.assignments, options)
        raise UsageError(
            "--preview and --frame need a bundle; convert the clip to see --baseline paste."
        )


def parse_map_option(text: str) -> Assignment:
    """Parse a value of --map.

    Args:
        text: REF.jpg=BUNDLE.

    Returns:
        The paths.

    Raises:
        UsageError: the text has another form.
    """
    reference, equals, bundle = text.rpartition("=")
    if not (equals and reference and bundle):
        raise UsageError(
            f"--map {text} is invalid: it needs a picture and a bundle; write --map REF.jpg=BUNDLE."
        )
    return Assignment(Path(reference), Path(bundle))
