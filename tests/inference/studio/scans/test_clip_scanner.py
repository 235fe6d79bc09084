"""Clips are scanned while a page shows them and no picture is asked for."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.studio.clip import ALL_FRAMES
from tests.helpers.studio.waiting import wait_until

from faceloom.errors import MediaUnreadable
from faceloom.studio.scans import clip_scanner
from faceloom.studio.scans.clip_scan import ClipScan
from faceloom.studio.scans.clip_scanner import ClipScanner
from faceloom.studio.studio_project import PRIVATE_FOLDER, Item, ItemKind, item_id

# Seconds without a step after which a scan counts as stopped.
STOPPED_SECONDS = 0.15


@pytest.fixture
def clip(studio_clip: Path) -> Item:
    return Item(ItemKind.CLIP, item_id(studio_clip), studio_clip.name, studio_clip)


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[ClipScanner]:
    made = ClipScanner(tmp_path)
    yield made
    made.close()


class EndlessScan:
    """Stands for `FrameScan`: counts its steps and ends never."""

    opened = 0
    count = 0

    def __init__(self, *_: object):
        type(self).opened += 1

    def steps(self) -> Iterator[None]:
        for _ in itertools.count():
            type(self).count += 1
            time.sleep(0.001)
            yield

    def result(self) -> ClipScan:
        return ClipScan(signature="a", frames=10**6)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> type[EndlessScan]:
    monkeypatch.setattr(clip_scanner, "FrameScan", EndlessScan)
    monkeypatch.setattr(clip_scanner, "_QUIET_SECONDS", 0.0)
    EndlessScan.opened = EndlessScan.count = 0
    return EndlessScan


def is_stopped(scan: type[EndlessScan]) -> bool:
    before = scan.count
    time.sleep(STOPPED_SECONDS)
    return scan.count == before


def test_a_scan_is_kept_for_the_next_start(
    scanner: ClipScanner, clip: Item, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scanner.scan_of(clip) == (None, "")
    wait_until(lambda: (found := scanner.scan_of(clip)[0]) and found.is_complete)
    found, error = scanner.scan_of(clip)
    assert found is not None
    assert (found.done, found.runs[0], error) == (ALL_FRAMES, (0, 1), "")
    scanner.close()
    monkeypatch.setattr(clip_scanner, "FrameScan", None)
    again = ClipScanner(tmp_path)
    assert again.scan_of(clip) == (found, "")
    again.close()


def test_a_scan_waits_for_pictures(
    scanner: ClipScanner, clip: Item, endless: type[EndlessScan]
) -> None:
    with scanner.paused():
        scanner.scan_of(clip)
        time.sleep(STOPPED_SECONDS)
        assert endless.opened == 0
    wait_until(lambda: endless.count)
    with scanner.paused(), scanner.paused():
        wait_until(lambda: is_stopped(endless))
    wait_until(lambda: not is_stopped(endless))
    assert endless.opened == 1


def test_a_scan_stops_unless_a_page_shows_the_clip(
    scanner: ClipScanner, clip: Item, endless: type[EndlessScan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_scanner, "_IDLE_SECONDS", 0.1)
    for _ in range(2):
        before = endless.opened
        # Opening the networks may take longer than `_IDLE_SECONDS`.
        wait_until(lambda before=before: scanner.scan_of(clip) and endless.opened > before)
        wait_until(lambda: is_stopped(endless))


def test_closing_does_not_wait_for_a_clip_that_is_opened(
    scanner: ClipScanner, clip: Item, endless: type[EndlessScan], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, release = threading.Event(), threading.Event()

    def slow(*_: object) -> EndlessScan:
        opening.set()
        release.wait(60)
        return endless()

    monkeypatch.setattr(clip_scanner, "FrameScan", slow)
    wait_until(lambda: scanner.scan_of(clip) and opening.is_set())
    scanner.close()
    assert not release.is_set()
    release.set()
    wait_until(lambda: not any(thread.name == "scan" for thread in threading.enumerate()))
    assert endless.count == 0


def test_an_error_is_told_once_and_the_scan_starts_again(
    scanner: ClipScanner, clip: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MediaUnreadable("clip.mp4 is damaged.")

    monkeypatch.setattr(clip_scanner, "FrameScan", broken)
    for _ in range(2):
        wait_until(lambda: scanner.scan_of(clip) == (None, "clip.mp4 is damaged."))
    monkeypatch.undo()
    wait_until(lambda: (found := scanner.scan_of(clip)[0]) and found.is_complete)


def test_a_scan_that_cannot_be_kept_is_completed(
    scanner: ClipScanner, clip: Item, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / PRIVATE_FOLDER).touch()
    errors = []

    def is_complete() -> bool:
        found, error = scanner.scan_of(clip)
        errors.append(error)
        return found is not None and found.is_complete

    wait_until(is_complete)
    wait_until(lambda: "cannot be used" in caplog.text)
    is_complete()
    assert set(errors) == {""}
