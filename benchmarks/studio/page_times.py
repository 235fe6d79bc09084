"""Scripts of pages that return a time."""

import time

from selenium.webdriver.remote.webdriver import WebDriver

# Seconds that a page has until all of its visible pictures are there.
_PAGE_SECONDS = 60

FIRST_PAINT = """
const [paint] = performance.getEntriesByName("first-contentful-paint");
return paint ? paint.startTime : null;
"""
"""The time of the first paint; null before."""

PICTURES_SHOWN = """
const images = [...document.querySelectorAll("main img")].filter((image) => {
  const { top, bottom, width } = image.getBoundingClientRect();
  return width > 0 && bottom > 0 && top < innerHeight;
});
return images.length && images.every((image) => image.naturalWidth) ? performance.now() : null;
"""
"""The time at which every picture in the window is decoded; null before."""


def wait_for(browser: WebDriver, script: str) -> float:
    """Run a script until it returns a time."""
    end = time.monotonic() + _PAGE_SECONDS
    while (value := browser.execute_script(script)) is None:
        assert time.monotonic() < end, "the script returns no time"
        time.sleep(0.005)
    return float(value)
