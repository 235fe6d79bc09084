"""Measure how long the studio takes from an action to what the user sees.

    python -m benchmarks.studio.latency CLIP BUNDLE FACESET [--times 20] [--stills]

The studio runs as its own process with a new project that contains the three. Pages are measured in
Chromium without a window, from the start of the navigation; stills are measured as requests, each
for a still that no earlier request computed. Prints a table in milliseconds. The processor time of
the studio, in steps of 10 ms, depends little on other work of the machine; it counts all threads.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.browser import browser_programs, open_browser

from benchmarks.studio.page_times import FIRST_PAINT, PICTURES_SHOWN, wait_for
from benchmarks.studio.running_studio import RunningStudio, print_row, running_studio
from faceloom.choices import ColorTransfer, GlassesChoice, MaskKind
from faceloom.studio.stills import StillEngine
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.swap.options import SwapOptions


def measure_pages(studio: RunningStudio, browser: WebDriver, times: int) -> None:
    """Print the times of pages, each loaded anew."""
    browser.get(studio.link)
    wait_for(browser, FIRST_PAINT)
    pages = {"Project": "/", "Swap": "/swap", "Training": "/runs", "Queue": "/jobs"}
    for name, path in pages.items():
        print_row(f"first paint: {name}", load(studio, browser, path, times, FIRST_PAINT))
    *_, faces = studio.items
    grid = f"/faces/{faces.id}"
    print_row("first paint: faces", load(studio, browser, grid, times, FIRST_PAINT))
    print_row("faces: all visible thumbnails", load(studio, browser, grid, times, PICTURES_SHOWN))


def load(
    studio: RunningStudio, browser: WebDriver, path: str, times: int, script: str
) -> list[float]:
    """Load a page several times; return the times that the script returns, in milliseconds."""
    found: list[float] = []
    for _ in range(times):
        browser.get(studio.address + path)
        found.append(wait_for(browser, script))
    return found


def measure_stills(studio: RunningStudio, frames: int, times: int) -> None:
    """Print the times of stills: of new frames, and of new settings of one frame."""
    clip, bundle, _ = studio.items
    still = f"/still/{clip.id}/{bundle.id}"
    step = max(1, frames // (times + 1))
    new = [step * number for number in range(1, times + 1) if step * number < frames]

    def requests(path: Callable[[int], str], numbers: Sequence[int]) -> list[tuple[float, float]]:
        return [studio.request(path(number)) for number in numbers]

    # The first still loads the networks.
    print_row("first still of a start: exact", [studio.request(f"{still}/0?view=swap")])
    # Every second frame, so that neither reuses what the other has computed.
    drafts, exact = new[::2], new[1::2]
    print_row("new frame: original", requests(lambda n: f"/frame/{clip.id}/{n}", new))
    print_row("new frame: draft", requests(lambda n: f"{still}/{n}?view=swap&draft=true", drafts))
    print_row("new frame: exact", requests(lambda n: f"{still}/{n}?view=swap", exact))
    if exact:
        # The frames after one whose lead-in is known, as the key for the next frame requests them.
        following = [exact[-1] + number for number in range(1, times + 1)]
        following = [number for number in following if number < frames]
        found = requests(lambda n: f"{still}/{n}?view=swap", following)
        print_row("frame after the last one: exact", found)
    numbers = range(1, times + 1)
    for name, scale in (("erode", 1000), ("feather", 1000), ("sharpen", 100)):
        for kind, query in (("draft", "&draft=true"), ("exact", "")):
            found = requests(lambda n: f"{still}/0?view=swap&{name}={n / scale}{query}", numbers)  # noqa: B023
            print_row(f"slider {name}: {kind}", found)


def measure_options(studio: RunningStudio, frames: int, times: int) -> None:
    """Print the times of exact stills with other colors, masks, glasses and foreheads.

    There are few values of each. So that every still is new, each value is requested once on each
    of several frames whose faces the network has drawn before.
    """
    clip, bundle, _ = studio.items
    still = f"/still/{clip.id}/{bundle.id}"
    suggested = StillEngine().suggestions(bundle.path).color
    values: dict[str, Sequence[object]] = {
        "color": [name for name in get_args(ColorTransfer) if name != suggested],
        "mask": [name for name in get_args(MaskKind) if name != SwapOptions().mask],
        "glasses": [name for name in get_args(GlassesChoice) if name != SwapOptions().glasses],
        "forehead": [0.02, 0.15, 0.3],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in values}
    count = max(1, times // 3)
    for frame in range(frames // (2 * count), frames, max(1, frames // count)):
        studio.request(f"{still}/{frame}?view=swap")
        for name, choices in values.items():
            for choice in choices:
                found[name].append(studio.request(f"{still}/{frame}?view=swap&{name}={choice}"))
    for name, milliseconds in found.items():
        print_row(f"{name}: exact", milliseconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("faceset", type=Path)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--stills", action="store_true", help="measure no pages")
    options = parser.parse_args()
    if not options.stills and browser_programs() is None:
        parser.error("chromium or chromedriver is missing; install Debian's chromium-driver")
    frames = len(ClipFrames(options.clip))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = (options.clip, options.bundle, options.faceset)
        with running_studio(folder, inputs) as studio:
            print("| | p50 | p95 | processor p50 | processor p95 | times |")
            print("|---|---|---|---|---|---|")
            # Before the browser: its pages request stills too.
            measure_stills(studio, frames, options.times)
            measure_options(studio, frames, options.times)
            if options.stills:
                return
            with open_browser(folder / "profile") as browser:
                measure_pages(studio, browser, options.times)


if __name__ == "__main__":
    main()
