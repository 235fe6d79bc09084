"""The options of the frames that a still depends on, and which part of them each stage uses."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TypeAlias

from faceloom.swap.option_timeline import OptionTimeline
from faceloom.swap.options import Section, SwapOptions

# What a stage depends on, for each variant of the options.
Key: TypeAlias = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class StillOptions:
    """Options of a still: without a label, and a frame that lost its face stays as it is."""

    options: SwapOptions
    """The options where there is no section."""
    sections: tuple[Section, ...] = ()
    """The sections, with bounds as indices, in order."""

    @classmethod
    def of(cls, options: SwapOptions, sections: tuple[Section, ...]) -> "StillOptions":
        """Check the options of a conversion and keep those that a still uses.

        Args:
            options: The options where there is no section.
            sections: The sections; the people of `options` apply in them.

        Raises:
            UsageError: A selection is invalid.
        """
        variants = [options, *(section.options for section in sections)]
        for variant in variants:
            variant.check()
        first, *others = (
            replace(
                each,
                on_missing="keep",
                label=None,
                reference=options.reference,
                exclude=options.exclude,
                threshold=options.threshold,
            )
            for each in variants
        )
        return cls(
            first,
            tuple(
                replace(section, options=other)
                for section, other in zip(sections, others, strict=True)
            ),
        )

    @property
    def timeline(self) -> OptionTimeline:
        """Which options apply at each frame."""
        return OptionTimeline(self.options, self.sections)

    def selects_track(self, frames: range) -> bool:
        """Return whether the options of any of these frames select a track.

        Args:
            frames: Indices of the frames.
        """
        timeline = self.timeline
        return any(timeline.options_at(index).track is not None for index in frames)

    @property
    def without_sharpening(self) -> "StillOptions":
        """The same options without sharpening, which does not change later frames."""
        sections = tuple(
            replace(section, options=replace(section.options, sharpen=None))
            for section in self.sections
        )
        return StillOptions(replace(self.options, sharpen=None), sections)

    @property
    def selected_by(self) -> Key:
        """What decides which faces are swapped."""
        return self._key(lambda each: each.select)

    @property
    def measured_except_forehead(self) -> Key:
        """What decides which colors and masks are measured, without the extent of the forehead."""
        return self._key(lambda each: (each.color, each.mask, each.glasses))

    @property
    def measured(self) -> Key:
        """What decides which colors and masks are measured."""
        return self._key(lambda each: (each.color, each.mask, each.glasses, each.forehead))

    def _key(self, part: Callable[[SwapOptions], Hashable]) -> Key:
        sections = tuple(
            (section.frames, section.swap, part(section.options)) for section in self.sections
        )
        return (part(self.options), *sections)
