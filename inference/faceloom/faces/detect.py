"""Face detectors: their common interface and their names."""

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
    """A face detector."""

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first.

        Args:
            pictures: Pictures of equal height and width.

        Returns:
            The detections of each picture.
        """
        ...


# retinaface and yunet ship with Faceloom; retina-face is the package of that name, an extra.
DETECTORS: Mapping[str, Callable[..., Detector]] = MappingProxyType(
    {"retinaface": RetinaFace, "yunet": YuNet, "retina-face": RetinaFacePackage}
)
DEFAULT_DETECTOR = "retinaface"


def open_detector(name: str = DEFAULT_DETECTOR, threads: int = 0) -> Detector:
    """Open a detector by its name.

    Args:
        name: A key of DETECTORS.
        threads: Threads of the network; 0 means one for each core.

    Returns:
        The detector.

    Raises:
        UsageError: There is no detector of that name.
        ProviderMissing: The `retina-face` package or its weights are not installed.
    """
    if name not in DETECTORS:
        raise UsageError(f"There is no detector {name!r}; choose one of {', '.join(DETECTORS)}.")
    return DETECTORS[name](threads=threads)
