"""Measure how smoothly the studio's grid of a large face set scrolls, sorts and selects.

    python -m benchmarks.studio.face_scroll FACESET [--faces 20000]

The face set is made as in `face_grid`. The page runs in Chromium without a window or a graphics
card. A frame is the interval between two calls of requestAnimationFrame, a cell is blank if its
thumbnail is not shown yet. CPU is the time of the page's main thread for a frame, which other work
on the machine changes little. Prints tables.
"""

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.browser import browser_programs, open_browser

from benchmarks.studio.face_grid import enlarge
from benchmarks.studio.page_times import FIRST_PAINT, PICTURES_SHOWN, wait_for
from benchmarks.studio.running_studio import RunningStudio, print_row, running_studio

# Seconds of each scroll.
_SECONDS = 8
# Pixels per second: a wheel turned slowly and fast, and a scroll bar dragged.
_SPEEDS = (600, 3_000, 20_000, 60_000)
# A frame of more milliseconds is late at 30 frames a second, with half a frame of 60 to spare.
_LATE_MS = 1000 / 30 + 1000 / 120
# Random places to which the grid jumps.
_JUMPS = 20

# Defines a function that returns the elements of a selector that are visible in the grid.
_VISIBLE = """
const view = document.getElementById("view");
function visible(selector) {
  const box = view.getBoundingClientRect();
  return [...view.querySelectorAll(selector)].filter((each) => {
    const { top, bottom } = each.getBoundingClientRect();
    return bottom > box.top && top < box.bottom;
  });
}
"""
# Scrolls down at a speed, and up again from the end; returns the frames, and the blank cells of
# each.
_SCROLL = """
const [speed, seconds, done] = arguments;
const intervals = [], blank = [];
let begin = 0, last = 0, top = view.scrollTop, direction = 1;
function count() {
  const cells = visible(".face:not([hidden])");
  const without = cells.filter((cell) => !cell.querySelector("img").naturalWidth);
  blank.push(cells.length ? without.length / cells.length : 1);
}
function frame(now) {
  begin ||= now;
  if (last) {
    intervals.push(now - last);
    top += (direction * speed * (now - last)) / 1000;
    if (top < 0 || top > view.scrollHeight - view.clientHeight) direction = -direction;
    view.scrollTop = top;
    if (intervals.length % 10 === 0) count();
  }
  last = now;
  if (now - begin < 1000 * seconds) requestAnimationFrame(frame);
  else done({ intervals, blank });
}
requestAnimationFrame(frame);
"""
# Jumps to a share of the height; returns the time until all visible thumbnails are shown.
_JUMP = """
const [share, done] = arguments;
const begin = performance.now();
view.scrollTop = share * (view.scrollHeight - view.clientHeight);
function look() {
  const images = visible(".face:not([hidden]) img");
  if (images.length && images.every((image) => image.naturalWidth)) done(performance.now() - begin);
  else setTimeout(look, 4);
}
requestAnimationFrame(() => requestAnimationFrame(look));
"""
# Changes a field or presses a key; returns the time until the next frame is painted.
_ACT = """
const [kind, value, done] = arguments;
const begin = performance.now();
if (kind === "key") {
  const event = { key: value, ctrlKey: value.length === 1, bubbles: true, cancelable: true };
  document.getElementById("view").dispatchEvent(new KeyboardEvent("keydown", event));
} else {
  document.getElementById(kind).value = value;
  document.getElementById(kind).dispatchEvent(new Event("change"));
}
requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
"""
_TABLE_SHOWN = """
return document.querySelector(".face img") ? performance.now() : null;
"""
_ORDERS = "return [...document.querySelectorAll('#order option:enabled')].map((each) => each.value)"
_MEMORY = "return [performance.memory.usedJSHeapSize, document.querySelectorAll('*').length]"


def measure_page(studio: RunningStudio, browser: WebDriver) -> None:
    """Print how long the page takes to appear, the first time and again."""
    (faces,) = studio.items
    address = f"{studio.address}/faces/{faces.id}"
    browser.get(studio.link)
    wait_for(browser, FIRST_PAINT)
    print("| | ms | | processor ms | | |\n|---|---|---|---|---|---|")
    for name in ("first time", "again"):
        browser.get(address)
        print_row(f"first paint, {name}", [wait_for(browser, FIRST_PAINT)])
        print_row(f"grid, {name}", [wait_for(browser, _TABLE_SHOWN)])
        print_row(f"all visible thumbnails, {name}", [wait_for(browser, PICTURES_SHOWN)])
    print_row("request: findings", [studio.request(f"/faces/{faces.id}/findings")])


def measure_scroll(browser: WebDriver) -> None:
    """Print the frames of scrolls at several speeds, and the time of jumps."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    print("\n| pixels/s | CPU per frame | frames/s | p50 | p95 | longest | late | blank cells |")
    print("|---|---|---|---|---|---|---|---|")
    for speed in _SPEEDS:
        before = cpu_seconds(browser)
        found = browser.execute_async_script(_VISIBLE + _SCROLL, speed, _SECONDS)
        spent = cpu_seconds(browser) - before
        print_frames(speed, spent, found["intervals"], found["blank"])
    random = np.random.default_rng(0)
    print("\n| | p50 (ms) | p95 (ms) | | | times |\n|---|---|---|---|---|---|")
    jumps = [
        browser.execute_async_script(_VISIBLE + _JUMP, share) for share in random.random(_JUMPS)
    ]
    print_row("jump until all thumbnails are shown", jumps)


def cpu_seconds(browser: WebDriver) -> float:
    """Return the CPU time of the page's main thread."""
    found = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(each["value"]) for each in found if each["name"] == "TaskDuration")


def print_frames(
    speed: int, cpu: float, intervals: Sequence[float], blank: Sequence[float]
) -> None:
    half, most, longest = np.percentile(intervals, [50, 95, 100])
    late = np.mean(np.array(intervals) > _LATE_MS)
    rate = 1000 * len(intervals) / np.sum(intervals)
    each = 1000 * cpu / len(intervals)
    row = f"{speed:,} | {each:.1f} | {rate:.0f} | {half:.1f} | {most:.1f} | {longest:.0f}"
    print(f"| {row} | {100 * late:.1f} % | {100 * np.mean(blank):.0f} % |", flush=True)


def measure_actions(browser: WebDriver) -> None:
    """Print the times of sorting, filtering and selecting."""
    for order in browser.execute_script(_ORDERS):
        print_row(f"sort by {order}", act(browser, "order", order))
    for name in ("duplicates", "others", "all"):
        print_row(f"show {name}", act(browser, "filter", name))
    print_row("select all", act(browser, "key", "a"))
    print_row("next face", act(browser, "key", "ArrowRight"))
    print_row("last face", act(browser, "key", "End"))
    print_row("select none", act(browser, "key", "Escape"))


def act(browser: WebDriver, kind: str, value: str) -> list[float]:
    return [browser.execute_async_script(_ACT, kind, value) for _ in range(3)]


def print_memory(studio: RunningStudio, browser: WebDriver) -> None:
    status = Path(f"/proc/{studio.pid}/status").read_text()
    sizes = [int(size) / 1024 for size in re.findall(r"Vm(?:HWM|RSS):\s+(\d+)", status)]
    heap, elements = browser.execute_script(_MEMORY)
    print(f"\nserver: {sizes[1]:.0f} MB now, {sizes[0]:.0f} MB at most")
    print(f"page: {heap / 2**20:.0f} MB of JavaScript, {elements} elements")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faceset", type=Path)
    parser.add_argument("--faces", type=int, default=20_000)
    options = parser.parse_args()
    if browser_programs() is None:
        parser.error("chromium or chromedriver is missing; install Debian's chromium-driver")
    with tempfile.TemporaryDirectory(dir=options.faceset.resolve().parent) as name:
        folder = Path(name)
        enlarge(options.faceset, folder / "faces", options.faces)
        with (
            running_studio(folder, [folder / "faces"]) as studio,
            open_browser(folder / "profile") as browser,
        ):
            browser.set_script_timeout(2 * _SECONDS + 60)
            measure_page(studio, browser)
            measure_scroll(browser)
            measure_actions(browser)
            print_memory(studio, browser)


if __name__ == "__main__":
    main()
