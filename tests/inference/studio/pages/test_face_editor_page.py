"""The editor of single faces: landmarks, masks, copies, interpolation, undo."""

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.helpers.corrections import left_half
from tests.helpers.facesets import GEOMETRY, good_faces, write_faceset
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT, NOSE_TIP
from faceloom.faceset import FaceSet
from faceloom.faceset.corrections.painted_masks import encode_mask
from faceloom.faceset.corrections.row_index import RowIndex
from faceloom.studio.studio_project import item_id

SIZE = GEOMETRY.size


def add_faces(server: StudioServer, count: int) -> Path:
    """Add a face set to the project; every fifth face is of one track."""
    folder = server.studio.project.folder / "faces" / "ada"
    folder.parent.mkdir()
    write_faceset(folder, good_faces(count))
    return folder


@pytest.fixture
def folder(server: StudioServer) -> Path:
    """A face set of the project."""
    return add_faces(server, 20)


@pytest.fixture
def url(folder: Path) -> str:
    return f"/faces/{item_id(folder)}"


@pytest.fixture(scope="module")
def shared_folder(shared_server: StudioServer) -> Path:
    """A face set that no test changes."""
    return add_faces(shared_server, 4)


@pytest.fixture
def shared_url(shared_folder: Path) -> str:
    return f"/faces/{item_id(shared_folder)}"


def names_of_track(server: StudioServer, url: str, file: int = 0) -> list[str]:
    table = server.get(f"{url}/table").json
    return [
        name
        for name, each in zip(table["names"], table["columns"]["file"], strict=True)
        if each == file
    ]


def corrected(server: StudioServer, url: str) -> set[str]:
    table = server.get(f"{url}/table").json
    columns = zip(table["names"], table["columns"]["corrected"], strict=True)
    return {name for name, is_corrected in columns if is_corrected}


def face(server: StudioServer, url: str, name: str) -> Any:
    return server.get(f"{url}/face/{name}").json


def encoded(mask: np.ndarray) -> str:
    return base64.b64encode(encode_mask(mask)).decode()


def read_mask(server: StudioServer, url: str, name: str) -> np.ndarray:
    answer = server.get(f"{url}/face/{name}/mask")
    assert answer.headers["content-type"] == "image/png"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def test_moved_landmarks_are_stored_shown_and_undone(
    server: StudioServer, folder: Path, url: str
) -> None:
    name = names_of_track(server, url)[1]
    before = face(server, url, name)
    assert (before["size"], before["offsets"], before["origin"]) == (SIZE, [], "")
    assert (before["can_undo"], len(before["detected"])) == (False, 468)
    after = server.post(f"{url}/face/{name}/move", offsets=[[200, 0.1, -0.05]]).json
    assert after["offsets"] == [[200, 0.1, -0.05]]
    assert (after["origin"], after["can_undo"], after["detected"]) == (
        "edited", True, before["detected"],
    )  # fmt: skip
    assert corrected(server, url) == {name}
    row = next(row for row in FaceSet.read(folder).rows if name in row.image)
    assert FaceSet.read(folder).corrections.moved == {row.image}
    assert server.post(f"{url}/correction/undo").json == {"names": [name]}
    assert face(server, url, name)["offsets"] == []
    assert not corrected(server, url)
    assert server.post(f"{url}/correction/redo").json == {"names": [name]}
    server.post(f"{url}/face/{name}/reset", part="landmarks")
    assert face(server, url, name)["origin"] == ""


def test_edits_are_undone_after_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "project" / "faces" / "ada"
    url = f"/faces/{item_id(folder)}"
    with serve_studio(tmp_path / "project", tmp_path) as server:
        folder.parent.mkdir()
        write_faceset(folder, good_faces(2))
        name = names_of_track(server, url)[0]
        server.post(f"{url}/face/{name}/move", offsets=[[200, 0.1, -0.05]])
    with serve_studio(tmp_path / "project", tmp_path) as server:
        assert face(server, url, name)["can_undo"] is True
        assert server.post(f"{url}/correction/undo").json == {"names": [name]}
        assert face(server, url, name)["offsets"] == []


def test_the_outline_follows_the_landmarks(server: StudioServer, url: str) -> None:
    name = names_of_track(server, url)[0]
    before = face(server, url, name)["outline"]
    moved = [[index, 0.1, 0.0] for index in range(468)]
    after = server.post(f"{url}/face/{name}/move", offsets=moved).json["outline"]
    assert max(x for x, _ in after) - max(x for x, _ in before) == pytest.approx(6.4, abs=0.1)


def test_a_painted_mask_is_stored(server: StudioServer, folder: Path, url: str) -> None:
    name = names_of_track(server, url)[2]
    seen = read_mask(server, url, name)
    assert seen.shape == (SIZE, SIZE)
    answer = server.post(f"{url}/face/{name}/paint", png=encoded(left_half(SIZE)))
    assert answer.json["painted"] is True
    np.testing.assert_array_equal(read_mask(server, url, name), left_half(SIZE))
    assert corrected(server, url) == {name}
    assert FaceSet.read(folder).corrections.painted == {f"crops/{name}.jpg"}
    server.post(f"{url}/face/{name}/reset", part="mask")
    np.testing.assert_array_equal(read_mask(server, url, name), seen)


def test_a_canvas_picture_with_colors_is_a_mask_too(server: StudioServer, url: str) -> None:
    name = names_of_track(server, url)[0]
    _, data = cv2.imencode(".png", np.dstack([left_half(SIZE)] * 3 + [left_half(SIZE) | 255]))
    server.post(f"{url}/face/{name}/paint", png=base64.b64encode(data.tobytes()).decode())
    np.testing.assert_array_equal(read_mask(server, url, name), left_half(SIZE))


def test_another_frame_is_copied(server: StudioServer, url: str) -> None:
    first, second, *_ = names_of_track(server, url)
    server.post(f"{url}/face/{first}/move", offsets=[[200, 0.1, 0.0]])
    copied = server.post(f"{url}/face/{second}/copy", source=first, part="landmarks").json
    assert copied["origin"] == "copied"
    assert {index: x for index, x, _ in copied["offsets"]}[200] == pytest.approx(0.1, abs=1e-3)
    server.post(f"{url}/face/{first}/paint", png=encoded(left_half(SIZE)))
    server.post(f"{url}/face/{second}/copy", source=first, part="mask")
    np.testing.assert_array_equal(read_mask(server, url, second), left_half(SIZE))


def test_faces_between_corrected_ones_are_interpolated(server: StudioServer, url: str) -> None:
    first, second, third, fourth = names_of_track(server, url)
    server.post(f"{url}/face/{first}/move", offsets=[])
    server.post(f"{url}/face/{fourth}/move", offsets=[[200, 0.15, 0.0]])
    everything = server.get(f"{url}/table").json["names"]
    for around in (None, second):
        answer = server.post(f"{url}/interpolate", names=everything, around=around)
        assert answer.json == {"names": [second, third]}
        assert face(server, url, third)["origin"] == "interpolated"
        # The frames are evenly spaced.
        assert face(server, url, second)["offsets"] == [[200, pytest.approx(0.05, abs=1e-4), 0.0]]
    assert corrected(server, url) == {first, second, third, fourth}
    assert server.post(f"{url}/correction/undo").json["names"] == [second, third]
    assert corrected(server, url) == {first, fourth}
    lonely = server.post(f"{url}/interpolate", names=[first, second])
    assert (lonely.status, "No face lies between" in lonely.json["error"]) == (400, True)


BODIES: dict[str, tuple[str, dict[str, object]]] = {
    "an unknown key": ("move", {"offsets": [], "force": True}),
    "another landmark": ("move", {"offsets": [[468, 0.1, 0]]}),
    "too far": ("move", {"offsets": [[4, 1.1, 0]]}),
    "a landmark twice": ("move", {"offsets": [[4, 0.1, 0], [4, 0.2, 0]]}),
    "too many": ("move", {"offsets": [[4, 0.1, 0]] * 469}),
    "not base64": ("paint", {"png": "%%%"}),
    "base64 with an umlaut": ("paint", {"png": "\u00e4"}),
    "no PNG": ("paint", {"png": base64.b64encode(b"GIF89a" + bytes(200)).decode()}),
    "another size": ("paint", {"png": encoded(left_half(SIZE * 2))}),
    "another part": ("reset", {"part": "crop"}),
    "a path": ("copy", {"source": "../faceset", "part": "mask"}),
    "an unknown face": ("copy", {"source": "nobody", "part": "landmarks"}),
}


@pytest.mark.parametrize("name", BODIES)
def test_bad_requests_are_refused_and_change_nothing(
    shared_server: StudioServer, shared_folder: Path, shared_url: str, name: str
) -> None:
    action, body = BODIES[name]
    answer = shared_server.post(
        f"{shared_url}/face/{names_of_track(shared_server, shared_url)[0]}/{action}", **body
    )
    assert answer.status == 400
    assert answer.json["error"].endswith(".")
    assert not (shared_folder / "corrections").exists()


@pytest.mark.parametrize("name", ["nobody", "..", "000_000000_0.jpg"])
@pytest.mark.parametrize("path", ["", "/mask"])
def test_unknown_faces_are_refused(
    shared_server: StudioServer, shared_url: str, name: str, path: str
) -> None:
    assert shared_server.get(f"{shared_url}/face/{name}{path}").status in (400, 404)


def inward(share: float) -> list[tuple[int, float, float]]:
    """Return offsets that move a share of the way through the nose; a half crushes the face."""
    template = GEOMETRY.template_xy()
    moves = (template[2] - template) / SIZE * 2 * share
    groups = (EYE_LEFT, EYE_RIGHT, (NOSE_TIP,), (MOUTH_LEFT,), (MOUTH_RIGHT,))
    return [
        (landmark, float(x), float(y))
        for group, (x, y) in zip(groups, moves, strict=True)
        for landmark in group
    ]


def test_an_interpolation_that_crushes_a_face_is_refused_and_writes_nothing(
    server: StudioServer, folder: Path, url: str
) -> None:
    first, second, _, fourth = names_of_track(server, url)
    # Faces are evenly spaced: the second one gets a half.
    for name, share in ((first, 0.25), (fourth, 1.0)):
        assert server.post(f"{url}/face/{name}/move", offsets=inward(share)).status == 200
    before = corrected(server, url)
    answer = server.post(f"{url}/interpolate", names=names_of_track(server, url))
    assert (answer.status, second in answer.json["error"]) == (400, True)
    assert "too close together" in answer.json["error"]
    assert corrected(server, url) == before
    assert len(FaceSet.read(folder)) == 20


def test_a_link_among_the_corrections_is_refused(
    server: StudioServer, folder: Path, url: str, tmp_path: Path
) -> None:
    name = names_of_track(server, url)[0]
    server.post(f"{url}/face/{name}/move", offsets=[[200, 0.1, 0.0]])
    path = folder / "corrections" / f"{name}.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    answer = server.get(f"{url}/face/{name}")
    assert (answer.status, "symbolic link" in answer.json["error"]) == (400, True)


def test_a_change_of_a_face_reads_its_face_set_once(
    server: StudioServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_index = RowIndex.open

    def count(directory: Path) -> RowIndex:
        opened.append(directory)
        return open_index(directory)

    monkeypatch.setattr(RowIndex, "open", count)
    for name in names_of_track(server, url):
        server.post(f"{url}/face/{name}/move", offsets=[[200, 0.1, 0.0]])
    assert len(opened) == 1


def test_nothing_is_undone_twice(shared_server: StudioServer, shared_url: str) -> None:
    for direction in ("undo", "redo"):
        answer = shared_server.post(f"{shared_url}/correction/{direction}")
        assert (answer.status, "no correction to" in answer.json["error"]) == (400, True)
