"""Find faces: the one interface of all detectors, and their names."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.faces.detections import Detections
from faceloom.faces.retinaface import RetinaFace
from faceloom.faces.retinaface_package import RetinaFacePackage
from faceloom.faces.yunet import YuNet

__all__ = ["DEFAULT_DETECTOR", "DETECTORS", "Detections", "Detector", "open_detector"]


@runtime_checkable
class Detector(Protocol):
    """Whatever finds faces."""

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first. All pictures must have the same height and width."""
        ...


# retinaface and yunet ship with Faceloom; retina-face is the package of that name, an extra.
DETECTORS: Mapping[str, Callable[..., Detector]] = MappingProxyType(
    {"retinaface": RetinaFace, "yunet": YuNet, "retina-face": RetinaFacePackage}
)
DEFAULT_DETECTOR = "retinaface"


def open_detector(name: str = DEFAULT_DETECTOR, threads: int = 0) -> Detector:
    """Open a detector by its name; `threads` are the network's, 0 means all cores.

    Raises UsageError for a name that is none, and ProviderMissing if the `retina-face` package or
    its weights are not on this machine.
    """
    if name not in DETECTORS:
        raise UsageError(f"There is no detector {name!r}; name one of {', '.join(DETECTORS)}.")
    return DETECTORS[name](threads=threads)
