"""Faces are pinned for preview sheets."""

import json

import pytest
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.studio.server import StudioServer

from faceloom.studio.runs import pinned_faces
from faceloom.studio.studio_project import Item, ItemKind


@pytest.fixture
def faces(server: StudioServer) -> Item:
    write_faceset(server.studio.project.folder / "faces" / "ada", good_faces(4), "ada")
    (item,) = server.studio.project.items(ItemKind.FACES)
    return item


def names_of(faces: Item) -> list[str]:
    return sorted(path.stem for path in (faces.path / "crops").iterdir())


def test_faces_are_pinned_and_released(server: StudioServer, faces: Item) -> None:
    url, names = f"/faces/{faces.id}/pinned", names_of(faces)
    assert server.get(url).json == {"names": []}
    server.post(url, names=names[2:0:-1], pinned=True)
    assert server.post(url, names=names[:2], pinned=True).json == {"names": names[:3]}
    assert server.post(url, names=names[:1], pinned=False).json == {"names": names[1:3]}
    assert server.get(url).json == {"names": names[1:3]}
    # A rejected face is not shown, and counts again after an undo.
    crop = faces.path / "crops" / f"{names[1]}.jpg"
    crop.rename(faces.path / "rejected.jpg")
    assert server.get(url).json == {"names": names[2:3]}
    path = server.studio.project.folder / "pinned_faces.json"
    assert json.loads(path.read_text()) == {"schema": 1, "faces": {faces.id: names[1:3]}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"names": ["000009_00000001_0"], "pinned": True}, "has no face"),
        ({"names": ["../up"], "pinned": True}, "is not the name of a face"),
        ({"names": [], "pinned": True}, "names"),
        ({"names": ["first", "second", "third"], "pinned": True}, "at most 2 chosen faces"),
    ],
)
def test_impossible_pins_are_refused(
    server: StudioServer,
    faces: Item,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, object],
    sentence: str,
) -> None:
    monkeypatch.setattr(pinned_faces, "_MAX_FACES", 2)
    known = dict(zip(("first", "second", "third"), names_of(faces), strict=False))
    names = [known.get(name, name) for name in body["names"]]
    answer = server.post(f"/faces/{faces.id}/pinned", **{**body, "names": names})
    assert (answer.status, sentence in answer.json["error"]) == (400, True), answer.json
    assert server.get(f"/faces/{faces.id}/pinned").json == {"names": []}


def test_a_damaged_file_is_refused(server: StudioServer, faces: Item) -> None:
    (server.studio.project.folder / "pinned_faces.json").write_text('{"schema": 1, "faces": 3}')
    answer = server.get(f"/faces/{faces.id}/pinned")
    assert (answer.status, "pinned_faces.json" in answer.json["error"]) == (400, True)
