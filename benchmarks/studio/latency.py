"""Measure how long the studio takes from an action to what the user sees.

    python -m benchmarks.studio.latency CLIP BUNDLE FACESET [--times 20] [--stills]

The studio runs as its own process with a new project that contains the three. Pages are measured in
Chromium without a window, from the start of the navigation; stills are measured as requests, each
for a still that no earlier request computed. Prints a table in milliseconds. The processor time of
the studio, in steps of 10 ms, depends little on other work of the machine; it counts all threads.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.browser import browser_programs, open_browser

from faceloom.choices import ColorTransfer, GlassesChoice, MaskKind
from faceloom.studio.stills import StillEngine
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.studio_project import Item, StudioProject
from faceloom.swap.options import SwapOptions

# Seconds that a page has until all of its visible pictures are there.
_PAGE_SECONDS = 60
_FIRST_PAINT = """
const [paint] = performance.getEntriesByName("first-contentful-paint");
return paint ? paint.startTime : null;
"""
# The time at which every picture in the window is decoded; null before.
_PICTURES_SHOWN = """
const seen = [...document.querySelectorAll("main img")].filter((image) => {
  const { top, bottom, width } = image.getBoundingClientRect();
  return width > 0 && bottom > 0 && top < innerHeight;
});
return seen.length && seen.every((image) => image.complete) ? performance.now() : null;
"""


@dataclass(frozen=True, slots=True)
class RunningStudio:
    """A studio in its own process."""

    process: int
    address: str
    link: str
    headers: dict[str, str]
    clip: Item
    bundle: Item
    faces: Item

    def request(self, path: str) -> tuple[float, float]:
        """Return the time of a request until its whole answer is there, and the processor time."""
        request = urllib.request.Request(self.address + path, headers=self.headers)
        begin, used = time.perf_counter(), self._processor_seconds()
        with urllib.request.urlopen(request) as answer:
            answer.read()
        return 1000 * (time.perf_counter() - begin), 1000 * (self._processor_seconds() - used)

    def _processor_seconds(self) -> float:
        stat = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        # User and system time, proc_pid_stat(5).
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_studio(folder: Path, paths: Sequence[Path]) -> Iterator[RunningStudio]:
    """Serve a new project with a clip, a bundle and a face set."""
    project = StudioProject.open(folder / "project")
    items = [project.open_path(path) for path in paths]
    command = [sys.executable, "-m", "faceloom", "studio", str(project.folder)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data")},
    )
    try:
        assert process.stdout is not None
        match = re.search(r"(http://localhost:(\d+))/\?token=(\S+)", process.stdout.readline())
        assert match, "the studio prints its link first"
        address, port, token = match.groups()
        cookie = {"Cookie": f"faceloom_studio_{port}={token}"}
        yield RunningStudio(process.pid, address, match[0], cookie, *items)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def measure_pages(studio: RunningStudio, browser: WebDriver, times: int) -> None:
    """Print the times of pages, each loaded anew."""
    browser.get(studio.link)
    wait_for(browser, _FIRST_PAINT)
    pages = {"Project": "/", "Swap": "/swap", "Training": "/runs", "Queue": "/jobs"}
    for name, path in pages.items():
        print_row(f"first paint: {name}", load(studio, browser, path, times, _FIRST_PAINT))
    grid = f"/faces/{studio.faces.id}"
    print_row("first paint: faces", load(studio, browser, grid, times, _FIRST_PAINT))
    print_row("faces: all visible thumbnails", load(studio, browser, grid, times, _PICTURES_SHOWN))


def load(
    studio: RunningStudio, browser: WebDriver, path: str, times: int, script: str
) -> list[tuple[float, ...]]:
    """Load a page several times; return the times that the script returns, in milliseconds."""
    found: list[tuple[float, ...]] = []
    for _ in range(times):
        browser.get(studio.address + path)
        found.append((wait_for(browser, script),))
    return found


def wait_for(browser: WebDriver, script: str) -> float:
    """Run a script until it returns a time."""
    end = time.monotonic() + _PAGE_SECONDS
    while (value := browser.execute_script(script)) is None:
        assert time.monotonic() < end, "the script returns no time"
        time.sleep(0.005)
    return float(value)


def measure_stills(studio: RunningStudio, frames: int, times: int) -> None:
    """Print the times of stills: of new frames, and of new settings of one frame."""
    still = f"/still/{studio.clip.id}/{studio.bundle.id}"
    step = max(1, frames // (times + 1))
    new = [step * number for number in range(1, times + 1) if step * number < frames]

    def requests(path: Callable[[int], str], numbers: Sequence[int]) -> list[tuple[float, float]]:
        return [studio.request(path(number)) for number in numbers]

    # The first still loads the networks.
    print_row("first still of a start: exact", [studio.request(f"{still}/0?view=swap")])
    # Every second frame, so that neither reuses what the other has computed.
    drafts, exact = new[::2], new[1::2]
    print_row("new frame: original", requests(lambda n: f"/frame/{studio.clip.id}/{n}", new))
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
    still = f"/still/{studio.clip.id}/{studio.bundle.id}"
    suggested = StillEngine().suggestions(studio.bundle.path).color
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


def print_row(name: str, milliseconds: Sequence[tuple[float, ...]]) -> None:
    """Print a row of the table: of each request its time and, if known, the processor time."""
    if milliseconds:
        cells = [f"{value:.0f}" for value in np.percentile(milliseconds, [50, 95], axis=0).T.flat]
        cells += ["", ""][: 4 - len(cells)]
        print(f"| {name} | {' | '.join(cells)} | {len(milliseconds)} |", flush=True)


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
            print(
                "| | p50 | p95 | processor p50 | processor p95 | times |\n|---|---|---|---|---|---|"
            )
            # Before the browser: its pages request stills too.
            measure_stills(studio, frames, options.times)
            measure_options(studio, frames, options.times)
            if options.stills:
                return
            with open_browser(folder / "profile") as browser:
                measure_pages(studio, browser, options.times)


if __name__ == "__main__":
    main()
