"""When something stands before a face: shares, spans, sentences."""

import numpy as np
import pytest
from tests.helpers.region_maps import face_area, labels_of_face, region_map

from faceloom.faces.parsing.occlusion import (
    Occlusion,
    join_spans,
    occluded_share,
    occlusion_sentence,
)
from faceloom.faces.parsing.regions import HIDING_REGIONS, Region

FACE = face_area()


@pytest.mark.parametrize("region", HIDING_REGIONS)
def test_hands_and_clothes_are_counted_inside_the_face(region: Region) -> None:
    labels = labels_of_face()
    labels[70:110, 20:56] = region
    expected = (FACE & (labels == region)).sum() / FACE.sum()
    share = occluded_share(region_map(labels), FACE.astype(np.uint8) * 255)
    counts = region in {Region.OCCLUDER, Region.CLOTH}
    assert share == pytest.approx(expected if counts else 0)


@pytest.mark.parametrize(
    ("spans", "gap", "expected"),
    [
        ([], 3, ()),
        ([(4, 4)], 3, ((4, 4),)),
        ([(4, 4), (5, 5), (8, 9), (14, 14)], 3, ((4, 9), (14, 14))),
        ([(1, 1), (3, 3)], 1, ((1, 1), (3, 3))),
        ([(1, 9), (2, 3)], 1, ((1, 9),)),
    ],
)
def test_spans_join_what_lies_close(
    spans: list[tuple[int, int]], gap: int, expected: tuple[tuple[int, int], ...]
) -> None:
    assert join_spans(spans, gap) == expected


def test_parts_of_a_video_add_up_to_the_whole() -> None:
    times = [0.0, 0.04, 0.5, 3.0, 3.04, 9.0]
    whole = Occlusion.at(times)
    assert whole == Occlusion(6, ((0.0, 0.5), (3.0, 3.04), (9.0, 9.0)))
    assert Occlusion.at(times, interval=2.0).spans == ((0.0, 3.04), (9.0, 9.0))
    for cut in range(len(times) + 1):
        assert Occlusion.at(times[:cut]) + Occlusion.at(times[cut:]) == whole


@pytest.mark.parametrize(
    ("occlusion", "faces", "text"),
    [
        (Occlusion(), 100, ""),
        (
            Occlusion(31, ((4.2, 6.0), (9.0, 9.02))),
            100,
            "in 31 % of the frames with a face: 4.2 to 6.0 s, 9.0 s.",
        ),
        (Occlusion(1, ((4.2, 4.2),)), 500, "in under 1 % of the frames with a face: 4.2 s."),
        (
            Occlusion(50, tuple((10.0 * n, 10.0 * n + n) for n in range(7))),
            50,
            "100 % of the frames with a face: 20.0 to 22.0 s, 30.0 to 33.0 s, 40.0 to 44.0 s, "
            "50.0 to 55.0 s, 60.0 to 66.0 s and 2 shorter spans.",
        ),
    ],
)
def test_a_sentence_names_the_share_and_the_longest_spans(
    occlusion: Occlusion, faces: int, text: str
) -> None:
    sentence = occlusion.to_text(faces)
    assert sentence.endswith(text)
    assert bool(sentence) == bool(text)


def test_a_single_picture_needs_no_times() -> None:
    assert occlusion_sentence(1.0, [(0.0, 0.0)], str) == "Something stands before the face."


def test_a_sentence_names_one_shorter_span() -> None:
    spans = [(float(n), n + 0.5) for n in range(6)]
    assert occlusion_sentence(0.5, spans, str).endswith("and 1 shorter span.")
