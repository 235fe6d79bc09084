"""The page of a swap in a real browser: both videos in step, keys, worst moments, the curve."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.studio.browser import needs_browser, press, studio_page
from tests.helpers.studio.comparison import write_comparison
from tests.helpers.studio.server import serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.results.judgment import judgment_path
from faceloom.studio.results.original import record_original
from faceloom.studio.studio_project import ItemKind

pytestmark = needs_browser
# Frames of the clip, and the worst of them by the comparison.
FRAMES = 6
WORST = 2

_TIMES = """
const [swap, original] = ["swap", "original"].map((id) => document.getElementById(id));
return [swap.currentTime, original.currentTime, swap.paused, original.paused];
"""


@pytest.fixture
def page(tmp_path: Path, browser: WebDriver) -> Iterator[WebDriver]:
    """The page of a swap that was compared with its original."""
    with serve_studio(tmp_path / "project", tmp_path) as server, studio_page(browser, server):
        server.studio.runner.set_paused(True)
        folder = server.studio.project.folder / "swaps"
        folder.mkdir()
        swap = make_clip(folder / "swap.mp4", wave_images(FRAMES))
        original = make_clip(tmp_path / "clip.mp4", wave_images(FRAMES, seed=1))
        record_original(swap, original)
        write_comparison(judgment_path(swap))
        (item,) = server.studio.project.items(ItemKind.SWAP)
        browser.get(f"http://localhost:{server.port}/results/{item.id}")
        wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "#curve canvas"))
        wait_until(lambda: at_frame(browser, 0))
        yield browser


def at_frame(page: WebDriver, frame: int) -> bool:
    """Whether the page says so, and both videos are at the same time."""
    swap, original, *_ = page.execute_script(_TIMES)
    shown = page.find_element(By.ID, "position").text
    return shown.startswith(f"frame {frame} /") and abs(swap - original) < 0.01


def test_keys_move_and_play_both_videos(page: WebDriver) -> None:
    press(page, ".", ".", ",")
    wait_until(lambda: at_frame(page, 1))
    press(page, Keys.END)
    wait_until(lambda: at_frame(page, FRAMES - 1))
    press(page, "j")
    wait_until(lambda: at_frame(page, 0))
    press(page, "l")
    wait_until(lambda: page.execute_script(_TIMES)[2:] == [False, False])
    press(page, "k")
    wait_until(lambda: page.execute_script(_TIMES)[2:] == [True, True])
    press(page, "?")
    assert page.find_element(By.ID, "keys-dialog").is_displayed()


def test_worst_moments_and_the_curve_lead_to_their_frames(page: WebDriver) -> None:
    page.find_element(By.CSS_SELECTOR, f".moments [data-frame='{WORST}']").click()
    wait_until(lambda: at_frame(page, WORST))
    curve = page.find_element(By.CSS_SELECTOR, "#curve .u-over")
    right = curve.size["width"] // 2 - 1
    ActionChains(page).move_to_element_with_offset(curve, right, 0).click().perform()
    # The judge looked at all frames but the last one.
    wait_until(lambda: at_frame(page, FRAMES - 2))


def test_the_wipe_is_dragged_over_the_picture(page: WebDriver) -> None:
    stage = page.find_element(By.ID, "stage")
    quarter = stage.size["width"] // 4
    drag = ActionChains(page).move_to_element(stage).click_and_hold()
    drag.move_by_offset(-quarter, 0).release().perform()
    wipe = page.find_element(By.ID, "wipe")
    wait_until(lambda: abs(int(wipe.get_property("value")) - 25) <= 2)
    press(page, "]")
    wait_until(lambda: abs(int(wipe.get_property("value")) - 30) <= 2)
