"""The face parsing network: which region of a face each pixel of a crop shows."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.faces.parsing.regions import (
    CROPS,
    PARSING_SIDE,
    REGIONS,
    RegionBatch,
    RegionMap,
    regions_are_plausible,
)
from faceloom.onnx_session import FaceModelOpener, open_face_model
from faceloom.weights import FACE_PARSER


class FaceParser:
    """The face parsing network."""

    def __init__(self, threads: int = 0, open_model: FaceModelOpener | None = None) -> None:
        """Open the network.

        Args:
            threads: Threads of the network; 0 means one for each core.
            open_model: Opens the network; None opens it on the CPU.
        """
        self._session = (open_model or open_face_model)(FACE_PARSER, threads)

    def parse(self, crops: Sequence[Rgb]) -> RegionBatch:
        """Return the regions of aligned crops, whose coverage may be 0.8 to 1.6.

        Args:
            crops: n square crops of any size.

        Returns:
            The probability of each region, 0..255, at 128 x 128 pixels of the crops.
        """
        size = (PARSING_SIDE, PARSING_SIDE)
        batch = np.zeros((len(crops), *size, 3), np.uint8)
        for index, crop in enumerate(crops):
            # INTER_AREA averages where it shrinks; where it enlarges, it is INTER_LINEAR.
            cv2.resize(crop, size, batch[index], interpolation=cv2.INTER_AREA)
        return np.asarray(self._session.run([REGIONS], {CROPS: batch})[0])

    def parse_faces(
        self, crops: Sequence[Rgb], mesh_masks: Sequence[Mask]
    ) -> list[RegionMap | None]:
        """Return the regions of aligned crops, where they are plausible.

        Args:
            crops: n square crops of any size.
            mesh_masks: Their mesh masks.

        Returns:
            The regions of each crop; None where they do not explain a face.
        """
        if not len(crops):
            return []
        return [
            regions if regions_are_plausible(regions, mask) else None
            for regions, mask in zip(self.parse(crops), mesh_masks, strict=True)
        ]
