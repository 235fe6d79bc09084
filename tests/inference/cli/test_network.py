"""Commands use no address outside this machine; the studio listens on loopback only."""

import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.network_trace import outside_addresses, trace_command, trace_faceloom

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("s.connect(('192.0.2.1', 9))", True),
        ("s.bind(('0.0.0.0', 0))", True),
        ("socket.getaddrinfo('faceloom.invalid', 80)", True),
        ("s.bind(('127.0.0.1', 0))", False),
        ("t = socket.socket(socket.AF_INET6); t.connect(('::1', 9))", False),
    ],
)
def test_the_trace_shows_addresses_outside_this_machine(
    tmp_path: Path, code: str, is_found: bool
) -> None:
    program = (
        "import contextlib, socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"with contextlib.suppress(OSError): {code}"
    )
    (tmp_path / "asks.py").write_text(program)
    command = trace_command(tmp_path / "trace", "asks", isolated=False)
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert bool(outside_addresses(tmp_path / "trace")) == is_found


def test_commands_run_without_a_network(tmp_path: Path, sample: Path) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    clips = (sample / "target_ada.mp4", sample / "target_ben.mp4")
    for arguments in (
        # Two files, so that worker processes are started.
        ("extract", *clips, "--out", "ada", "--every", "40", "--workers", "2"),
        ("convert", clips[0], "--bundle", bundle, "--out", "out.mp4", "--range", "0:8"),
        ("verify", "out.mp4"),
        ("inspect", bundle),
    ):
        assert trace_faceloom(tmp_path, *arguments) == []


def test_the_studio_listens_on_loopback_only(tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="the extra studio is not installed")
    trace = tmp_path / "trace"
    arguments = ("studio", tmp_path / "project", "--port", "0", "--no-browser")
    with subprocess.Popen(
        trace_command(trace, "faceloom", *arguments, isolated=False),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as studio:
        try:
            assert studio.stdout is not None
            link = studio.stdout.readline().split()[-1]
            with urllib.request.urlopen(link, timeout=30) as page:
                assert page.status == 200
        finally:
            # strace lets the signal pass to the program.
            os.killpg(studio.pid, signal.SIGINT)
        studio.wait(30)
    assert outside_addresses(trace) == []
    assert "127.0.0.1" in trace.read_text()
