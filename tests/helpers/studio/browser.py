"""Debian's Chromium without a window, driven by Selenium; no request leaves this machine."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

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
_IS_LOADED = "return document.readyState === 'complete' && !!document.querySelector('nav a')"


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
    assert programs, "the caller checks that they are installed"
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


needs_browser = [
    pytest.mark.process,
    # A browser that shares two cores with other tests may lose a key or stop loading a video.
    pytest.mark.flaky(reruns=2),
    pytest.mark.skipif(browser_programs() is None, reason="chromium or chromedriver is missing"),
]
"""Marks of a module whose tests use a browser."""


@contextmanager
def studio_page(browser: WebDriver, server: StudioServer) -> Iterator[None]:
    """Open a studio's link inside the block.

    Args:
        browser: The browser.
        server: The studio.
    """
    browser.get(server.link)
    # The page of the link redirects to the project.
    wait_for_page(browser)
    yield
    # Closes the event stream before the server ends.
    browser.get("about:blank")


def click(browser: WebDriver, selector: str) -> None:
    """Click the first element of a selector, once it is shown and enabled."""

    def has_clicked() -> bool:
        # The page may replace the element at any time, and a disabled one ignores a click.
        try:
            element = browser.find_element(By.CSS_SELECTOR, selector)
            is_enabled = element.is_enabled()
            if is_enabled:
                element.click()
        except (
            ElementClickInterceptedException,
            ElementNotInteractableException,
            NoSuchElementException,
            StaleElementReferenceException,
        ):
            return False
        return is_enabled

    wait_until(has_clicked)


def press(browser: WebDriver, *keys: str, held: str = "") -> None:
    """Press keys one after the other, while another one is held."""
    actions = ActionChains(browser)
    if held:
        actions.key_down(held)
    for key in keys:
        actions.send_keys(key)
    if held:
        actions.key_up(held)
    actions.perform()


def add_from_this_machine(browser: WebDriver, name: str) -> None:
    """Choose an entry of the path picker, and wait until the project's page lists it."""
    click(browser, "[data-open=picker-dialog]")
    found = f"//button[contains(@class, 'picker-entry')][.//strong[text()='{name}']]"
    wait_until(lambda: browser.find_elements(By.XPATH, found))
    browser.find_element(By.XPATH, found).click()
    title = Path(name).stem if name.endswith(".bundle") else name
    listed = f"//ul[@class='items']//strong[text()='{title}']"
    wait_until(lambda: browser.find_elements(By.XPATH, listed))


def wait_for_page(browser: WebDriver) -> None:
    """Wait until a page of the studio is loaded: before its scripts run, keys do nothing."""
    wait_until(lambda: browser.execute_script(_IS_LOADED))


def hosts_of_requests(browser: WebDriver) -> set[str | None]:
    """Return the hosts of all requests that the browser has sent since the last call."""
    sent = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]
    urls = [
        row["params"]["request"]["url"]
        for row in sent
        if row["method"] == "Network.requestWillBeSent"
    ]
    return {urlsplit(url).hostname for url in urls if url.startswith("http")}
