"""The settings of a swap that the swap page edits, as options and as a command line."""

from typing import Annotated, Any

from pydantic import Field

from faceloom.choices import (
    MAX_FOREHEAD,
    MAX_MASK_WIDTH,
    MIN_FOREHEAD,
    ColorTransfer,
    GlassesChoice,
    MaskKind,
)
from faceloom.json_documents import StrictModel
from faceloom.swap.options import SwapOptions

DEFAULT_SELECT = "largest"
"""Value of `select` in a section without one, if the conversion has one."""
_DEFAULTS = SwapOptions()
# A width in crop sides, as `convert` takes it.
Width = Annotated[float, Field(ge=0, le=MAX_MASK_WIDTH)]


class SwapSettings(StrictModel):
    """Which faces are swapped and how they are blended; None is the bundle's suggestion."""

    select: Annotated[str, Field(pattern=r"^(largest|all|track:\d{1,6})$")] | None = None
    """Which faces are swapped; None: the largest."""
    color: ColorTransfer | None = None
    """Color transfer."""
    mask: MaskKind = _DEFAULTS.mask
    """Which mask faces are pasted with."""
    glasses: GlassesChoice = _DEFAULTS.glasses
    """Whose glasses are shown with mask "regions"."""
    erode: Width | None = None
    """Width that is removed from the mask's edge, in crop sides."""
    feather: Width | None = None
    """Standard deviation of the mask's soft edge, in crop sides."""
    forehead: Annotated[float, Field(ge=MIN_FOREHEAD, le=MAX_FOREHEAD)] = _DEFAULTS.forehead
    """How far the mesh mask extends above the mesh, in face heights."""
    sharpen: Annotated[float, Field(ge=0, le=1)] | None = None
    """Unsharp mask amount; None matches the target's sharpness."""

    def to_options(self) -> SwapOptions:
        """Return the options of the library."""
        return SwapOptions(**self._values())

    def to_arguments(self) -> tuple[str, ...]:
        """Return the arguments of `faceloom convert` that differ from the defaults."""
        changed = {
            name: value
            for name, value in self._values().items()
            if value != getattr(_DEFAULTS, name)
        }
        return tuple(
            part for name, value in changed.items() for part in (f"--{name}", _text(value))
        )

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SwapSettings.model_fields}


def _text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
