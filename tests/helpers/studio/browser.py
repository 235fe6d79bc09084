"""Debian's Chromium without a window, driven by Selenium; no request leaves this machine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1400,900",
)


def browser_programs() -> tuple[str, str] | None:
    """Return the paths of Chromium and its driver; None if one is missing."""
    paths = shutil.which("chromium"), shutil.which("chromedriver")
    return (paths[0], paths[1]) if paths[0] and paths[1] else None


@contextmanager
def open_browser(profile: Path) -> Iterator[WebDriver]:
    """Open a browser with an empty profile, which logs its network requests.

    Args:
        profile: An empty folder.

    Yields:
        The browser.
    """
    programs = browser_programs()
    assert programs, "the caller has looked"
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    try:
        yield driver
    finally:
        driver.quit()
