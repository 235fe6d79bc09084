"""Judge a swap and write the page about it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from faceloom.array_types import Rgb
from faceloom.compare.compare import Judged, Videos, pictures_together
from faceloom.compare.observations import CROP
from faceloom.compare.page import worst_frames, write_page
from faceloom.faces.alignment import crop_face
from faceloom.faces.face_finder import FaceFinder


def write_report(judged: Judged, videos: Videos, path: Path) -> None:
    """Write the page about a comparison; the worst moments are read from the videos once more."""
    wanted = worst_frames(judged.comparison)
    write_page(judged, _crops(videos, wanted), videos.target, videos.swap, path)


def _crops(videos: Videos, wanted: Mapping[int, object]) -> dict[int, Sequence[Rgb]]:
    """Cut every version of some frames at the target's face."""
    crops: dict[int, Sequence[Rgb]] = {}
    for number, pictures in enumerate(pictures_together(list(videos.named().values()))):
        if number in wanted:
            (faces,) = FaceFinder().find([pictures[0]])
            to_crop = CROP.frame_to_crop(faces[0].points_xy)
            crops[number] = [crop_face(picture, to_crop, CROP.size) for picture in pictures]
        if len(crops) == len(wanted):
            break
    return crops
