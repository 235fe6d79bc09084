"""Who is swapped, and how the new face is put into the picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON
from faceloom.faces.mask import FOREHEAD_SHARE
from faceloom.provenance import Label
from faceloom.swap.bundle.manifest import BlendRow

ColorMatch = Literal["none", "lab", "rct", "histogram"]
MaskKind = Literal["learned", "mesh", "both"]
OnMissing = Literal["keep", "last", "fail"]

_TRACK = "track:"


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """Who is swapped, and how it looks.

    select: "largest", "all" or "track:N"; None is "all" of the people that `reference` shows, "largest" without.
    reference, exclude: pictures of the people to be swapped, and of those never to be. threshold: cosine above
    which a face is one of theirs. color, erode, feather, sharpen: override the blend settings of what gives the faces
    unless None. mask: the network's, the outline of the target's mesh, or where both agree. forehead: how far the
    outline goes beyond the mesh's top, in shares of the face's height. on_missing: what is done with a frame in which
    a face that was there before is not found. label: what is written into every frame.
    """

    select: str | None = None
    reference: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    threshold: float = SAME_PERSON
    color: ColorMatch | None = None
    mask: MaskKind = "both"
    erode: float | None = None
    feather: float | None = None
    forehead: float = FOREHEAD_SHARE
    sharpen: float | None = None
    on_missing: OnMissing = "keep"
    label: Label | None = None

    @property
    def track(self) -> int | None:
        """The number N of "track:N", None for another selection."""
        return (
            int(self.select.removeprefix(_TRACK))
            if self.select and self.select.startswith(_TRACK)
            else None
        )

    def check(self) -> None:
        """Raise UsageError if the selection or the label is none."""
        if self.label:
            self.label.check()
        name = self.select or "all"
        if name in ("largest", "all") or (
            name.startswith(_TRACK) and name.removeprefix(_TRACK).isdecimal()
        ):
            return
        raise UsageError(
            f"There is no selection {name!r}; choose largest, all or track:N (--list-tracks shows the numbers)."
        )


@dataclass(frozen=True, slots=True)
class Look:
    """How one source's faces are put back: its own suggestion, and what the user wants otherwise.

    as_asked: `sharpen` is the user's, and not the most that a face is sharpened by to be as detailed as its target.
    """

    color: ColorMatch
    mask: MaskKind
    erode: float
    feather: float
    forehead: float
    sharpen: float
    as_asked: bool

    @classmethod
    def of(cls, suggested: BlendRow, options: SwapOptions) -> "Look":
        """Return a source's suggestion with the user's wishes laid over it."""
        return cls(
            color=options.color or suggested.color,
            mask=options.mask,
            erode=suggested.erode if options.erode is None else options.erode,
            feather=suggested.feather if options.feather is None else options.feather,
            forehead=options.forehead,
            sharpen=suggested.sharpen if options.sharpen is None else options.sharpen,
            as_asked=options.sharpen is not None,
        )
