"""The benchmark of conversion on a GPU runs, here on the CPU provider."""

from pathlib import Path

import pytest
from benchmarks.conversion import gpu


@pytest.mark.process
@pytest.mark.long
def test_all_tables_are_printed(
    sample: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "NETWORK_SECONDS", 0)
    clip = str(sample / "target_ada.mp4")
    options = ["--provider", "cpu", "--sizes", "192x144", "--frames", "6", "--processes", "1", "2"]
    gpu.main(gpu._plan([clip, str(bundle), *options]))
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    assert [row[0] for row in rows[:3]] == ["network", "---", "cpu"]
    stages = [row for row in rows if row[:1] == ["192x144"] and len(row) == 10]
    assert [row[1] for row in stages] == ["none", "face networks", "decoder", "both"]
    processes = [row for row in rows if row[:1] == ["192x144"] and len(row) == 6]
    assert [row[1:3] for row in processes] == [
        ["none", "1"],
        ["none", "2"],
        ["both", "1"],
        ["both", "2"],
    ]
    # Without a GPU, all of them are the same conversion.
    assert [row[5] for row in processes] == ["yes"] * 4


def test_a_setting_that_does_not_run_is_named_with_its_reason(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no device\nsecond line")

    monkeypatch.setattr(gpu, "create_session", fail)
    gpu.print_network(gpu._plan(["clip.mp4", str(bundle), "--provider", "coreml"]))
    assert "| coreml | does not run: no device |\n" in capsys.readouterr().out
