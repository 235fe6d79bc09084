"""Faces are corrected in a real browser: landmarks, interpolation, mask, undo."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.browser import needs_browser, press, studio_page
from tests.helpers.studio.server import serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.errors import UsageError
from faceloom.faces.landmarks import NOSE_TIP
from faceloom.faceset import FaceSet
from faceloom.faceset.corrections.correction_files import (
    corrected_stems,
    landmarks_path,
    mask_path,
    read_landmark_correction,
)
from faceloom.faceset.corrections.painted_masks import read_mask
from faceloom.studio.faces.face_editor import FaceEdit
from faceloom.studio.faces.face_grid import FaceGrids

pytestmark = needs_browser
# Faces of the set, which are one track.
FACES = 3
# Records the texts that an element shows from now on, and makes the page read its table again.
RECORD_TEXTS = """
window.recorded = [];
const record = (changes) => {
  for (const { addedNodes } of changes) window.recorded.push(addedNodes[0].textContent);
};
new MutationObserver(record).observe(document.getElementById(arguments[0]), { childList: true });
new BroadcastChannel("changes").postMessage(document.getElementById("faces").dataset.url);
"""


@pytest.fixture
def faces(facesets: dict[str, Path], tmp_path: Path) -> FaceSet:
    shutil.copytree(facesets["ada"], tmp_path / "ada")
    for row in FaceSet.read(tmp_path / "ada").rows[FACES:]:
        (tmp_path / "ada" / row.image).unlink()
    return FaceSet.read(tmp_path / "ada")


@pytest.fixture
def page(tmp_path: Path, faces: FaceSet, browser: WebDriver) -> Iterator[WebDriver]:
    """The page of the face set, with its first face in the large view."""
    with serve_studio(tmp_path / "project") as server, studio_page(browser, server):
        item = server.studio.project.open_path(faces.directory)
        browser.get(f"http://localhost:{server.port}/faces/{item.id}")
        open_large(browser)
        yield browser


def open_large(page: WebDriver) -> None:
    wait_until(lambda: f"{FACES} faces" in text(page, "counts"))
    press(page, Keys.ENTER)
    wait_until(lambda: page.find_element(By.ID, "large").is_displayed())


def text(page: WebDriver, element_id: str) -> str:
    return page.find_element(By.ID, element_id).text


def recorded(page: WebDriver) -> list[str]:
    return list(page.execute_script("return window.recorded"))


def state(page: WebDriver) -> str:
    return page.find_element(By.CSS_SELECTOR, ".editor-state").text


def drag(page: WebDriver, start: np.ndarray, x: int, y: int) -> None:
    """Drag on the canvas from a place in pixels of the crop."""
    canvas = page.find_element(By.ID, "editor-canvas")
    left, top = (round(float(at) + 0.5 - 256) for at in start)
    actions = ActionChains(page).move_to_element_with_offset(canvas, left, top).click_and_hold()
    actions.move_by_offset(x, y).release().perform()


def offset_of_nose(faces: FaceSet, index: int) -> np.ndarray:
    path = landmarks_path(faces.directory, faces.rows[index].image)
    return read_landmark_correction(path).to_array()[NOSE_TIP] * faces.geometry.size


def assert_only_the_next_face_is_corrected(page: WebDriver, faces: FaceSet) -> None:
    """Confirm the third face; changes are saved in order, so one of the second would be there."""
    press(page, ".")
    wait_until(lambda: f"Face 3 of {FACES}" in text(page, "large-title"))
    wait_until(lambda: "Detected" in state(page))
    press(page, "k")
    wait_until(lambda: state(page) == "Corrected")
    moved, _ = corrected_stems(faces.directory)
    assert moved == {Path(faces.rows[2].image).stem}


def test_landmarks_are_moved_interpolated_and_undone(page: WebDriver, faces: FaceSet) -> None:
    press(page, "l")
    wait_until(lambda: "Detected" in state(page))
    drag(page, faces.mesh_in_crop(faces.rows[0])[NOSE_TIP], 12, 8)
    wait_until(lambda: state(page) == "Corrected")
    np.testing.assert_allclose(offset_of_nose(faces, 0), [12, 8], atol=0.6)

    page.refresh()
    open_large(page)
    press(page, "l")
    wait_until(lambda: state(page) == "Corrected")
    press(page, Keys.ARROW_RIGHT)
    wait_until(lambda: f"Face 2 of {FACES}" in text(page, "large-title"))
    press(page, ",", *"." * (FACES - 1))
    wait_until(lambda: f"Face {FACES} of" in text(page, "large-title"))
    wait_until(lambda: "Detected" in state(page))
    press(page, "i")
    wait_until(lambda: "No face lies between" in text(page, "editor-problem"))
    press(page, "k")
    wait_until(lambda: state(page) == "Corrected")
    press(page, "i")
    wait_until(lambda: text(page, "news") or text(page, "editor-problem"))
    assert f"Interpolated: {FACES - 2}" in text(page, "news"), text(page, "editor-problem")
    frames = [row.frame for row in faces.rows]
    share = (frames[-1] - frames[1]) / (frames[-1] - frames[0])
    np.testing.assert_allclose(
        offset_of_nose(faces, 1), offset_of_nose(faces, 0) * share, atol=0.02
    )

    press(page, "z", held=Keys.CONTROL)
    path = landmarks_path(faces.directory, faces.rows[1].image)
    wait_until(lambda: not path.exists())
    assert landmarks_path(faces.directory, faces.rows[0].image).exists()


def test_a_changed_table_keeps_the_face_that_is_shown(page: WebDriver) -> None:
    press(page, "l", ".")
    wait_until(lambda: f"Face 2 of {FACES}" in text(page, "large-title"))
    page.execute_script(RECORD_TEXTS, "large-title")
    wait_until(lambda: recorded(page))
    assert all(f"Face 2 of {FACES}" in title for title in recorded(page)), recorded(page)


def test_a_table_from_before_a_rejection_is_not_shown(
    page: WebDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_json, asked, release = FaceGrids.get_json, threading.Event(), threading.Event()

    def slow(grids: FaceGrids, directory: Path) -> bytes:
        content = get_json(grids, directory)
        if not asked.is_set():
            asked.set()
            assert release.wait(60)
        return content

    monkeypatch.setattr(FaceGrids, "get_json", slow)
    page.execute_script(RECORD_TEXTS, "counts")
    assert asked.wait(60)
    press(page, Keys.DELETE)
    # It is shown for a second only.
    wait_until(lambda: any(f"{FACES - 1} of {FACES} faces" in each for each in recorded(page)))
    release.set()
    wait_until(lambda: f"{FACES - 1} faces" in text(page, "counts"))
    assert not any(each.startswith(f"{FACES} faces") for each in recorded(page)), recorded(page)


def test_a_key_waits_until_its_face_is_read(
    page: WebDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(page, "l")
    wait_until(lambda: "Detected" in state(page))
    to_json, release = FaceEdit.to_json, threading.Event()
    monkeypatch.setattr(FaceEdit, "to_json", lambda edit: release.wait(60) and to_json(edit))
    press(page, ".", "k")
    release.set()
    wait_until(lambda: state(page) == "Corrected")
    assert f"Face 2 of {FACES}" in text(page, "large-title")


def test_a_table_is_shown_though_a_later_request_fails(
    page: WebDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_json, asked, release = FaceGrids.get_json, threading.Event(), threading.Event()

    def first_slow_then_failing(grids: FaceGrids, directory: Path) -> bytes:
        if asked.is_set():
            raise UsageError("The table is being written.")
        asked.set()
        assert release.wait(60)
        return get_json(grids, directory)

    monkeypatch.setattr(FaceGrids, "get_json", first_slow_then_failing)
    page.execute_script(RECORD_TEXTS, "counts")
    assert asked.wait(60)
    page.execute_script(RECORD_TEXTS, "counts")
    message = (By.ID, "message")
    wait_until(lambda: "being written" in page.find_element(*message).get_attribute("textContent"))
    release.set()
    wait_until(lambda: recorded(page))


def test_a_key_after_a_face_could_not_be_read_does_nothing(
    page: WebDriver, faces: FaceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(page, "l")
    wait_until(lambda: "Detected" in state(page))

    def refused(_: FaceEdit) -> dict[str, object]:
        raise UsageError("The face is being written.")

    with monkeypatch.context() as patch:
        patch.setattr(FaceEdit, "to_json", refused)
        press(page, ".")
        wait_until(lambda: "being written" in text(page, "editor-problem"))
        press(page, "k")
    # An undo reads the face again.
    press(page, "z", held=Keys.CONTROL)
    wait_until(lambda: "Detected" in state(page))
    assert_only_the_next_face_is_corrected(page, faces)


def test_a_damaged_picture_does_not_end_the_editor(page: WebDriver, faces: FaceSet) -> None:
    (faces.directory / faces.rows[1].image).write_bytes(b"damaged")
    press(page, "l", ".")
    wait_until(lambda: "Detected" in state(page))
    press(page, "k")
    wait_until(lambda: state(page) == "Corrected")
    press(page, ".")
    wait_until(lambda: "Detected" in state(page))
    press(page, "k")
    wait_until(lambda: state(page) == "Corrected")


def test_a_drag_ends_with_its_face(page: WebDriver, faces: FaceSet) -> None:
    press(page, "l")
    wait_until(lambda: "Detected" in state(page))
    canvas = page.find_element(By.ID, "editor-canvas")
    left, top = (int(at - 256) for at in faces.mesh_in_crop(faces.rows[0])[NOSE_TIP].round())
    actions = ActionChains(page).move_to_element_with_offset(canvas, left, top).click_and_hold()
    actions.move_by_offset(12, 8).send_keys(".").move_by_offset(12, 8).release().perform()
    wait_until(lambda: f"Face 2 of {FACES}" in text(page, "large-title"))
    assert_only_the_next_face_is_corrected(page, faces)


def test_arrows_move_a_group(page: WebDriver, faces: FaceSet) -> None:
    press(page, "l")
    wait_until(lambda: "Detected" in state(page))
    page.find_element(By.CSS_SELECTOR, "[data-group=nose]").click()
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    press(page, Keys.ARROW_LEFT, held=Keys.SHIFT)
    wait_until(lambda: state(page) == "Corrected")
    np.testing.assert_allclose(offset_of_nose(faces, 0), [-5, 2], atol=0.02)


def test_the_mask_is_painted_and_undone(page: WebDriver, faces: FaceSet) -> None:
    path = mask_path(faces.directory, faces.rows[0].image)
    press(page, "m")
    wait_until(lambda: "Predicted" in state(page))
    nose = faces.mesh_in_crop(faces.rows[0])[NOSE_TIP]
    drag(page, nose, 30, 0)
    wait_until(lambda: state(page) == "Painted")
    x, y = nose.round().astype(int)
    mask = read_mask(path, 512)
    assert (mask[y, x : x + 30] == 0).all()
    assert mask[y - 40, x] == 255
    assert page.find_elements(By.CSS_SELECTOR, "#face-0.is-corrected")

    press(page, "x")
    drag(page, nose, 30, 0)
    wait_until(lambda: read_mask(path, 512)[y, x : x + 30].min() == 255)
    press(page, "z", "z", held=Keys.CONTROL)
    wait_until(lambda: not path.exists())
    wait_until(lambda: "Predicted" in state(page))
    press(page, "y", held=Keys.CONTROL)
    wait_until(path.exists)


def test_faces_are_pinned_in_the_large_view_and_in_the_grid(page: WebDriver) -> None:
    def pinned() -> list[str]:
        cells = page.find_elements(By.CSS_SELECTOR, ".face.is-pinned")
        return sorted(cell.get_attribute("id") for cell in cells)

    press(page, "p")
    wait_until(lambda: pinned() == ["face-0"])
    buttons = page.find_elements(By.CSS_SELECTOR, "[data-pin]")
    assert [button.get_attribute("aria-pressed") for button in buttons] == ["true", "true"]
    press(page, ".", Keys.ESCAPE)
    wait_until(lambda: buttons[0].get_attribute("aria-pressed") == "false")
    buttons[0].click()
    wait_until(lambda: pinned() == ["face-0", "face-1"])
    page.refresh()
    wait_until(lambda: pinned() == ["face-0", "face-1"])
    press(page, "p")
    wait_until(lambda: pinned() == ["face-1"])
