"""Color transfer in one call."""

from typing import Any

from faceloom.array_types import Rgb
from faceloom.swap.compositing.color_transfer import measure_colors


def transfer_color(*arguments: Any) -> Rgb:
    """Return the picture of `measure_colors`, which takes the same arguments."""
    return measure_colors(*arguments)()
