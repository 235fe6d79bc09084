"""The metrics of a run are read while they grow, whatever is in the file."""

import json
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.studio.runs import metrics_reader
from faceloom.studio.runs.metrics_reader import METRICS_FILE, read_metrics, read_newest_metrics


def _append(run: Path, *rows: object) -> None:
    with (run / METRICS_FILE).open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_a_growing_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    assert read_metrics(tmp_path).rows == ()
    _append(tmp_path, {"step": 1, "loss": 0.5})
    first = read_metrics(tmp_path)
    assert first.rows == ({"step": 1, "loss": 0.5},)
    assert first.is_restart
    assert read_metrics(tmp_path, first.cursor).rows == ()
    # The trainer writes a row in two parts: the first is no row yet.
    with (tmp_path / METRICS_FILE).open("a") as file:
        file.write('{"step": 2, ')
        file.flush()
        assert read_metrics(tmp_path, first.cursor).rows == ()
        file.write('"loss": 0.4}\n')
    second = read_metrics(tmp_path, first.cursor)
    assert second.rows == ({"step": 2, "loss": 0.4},)
    assert not second.is_restart


def test_a_replaced_or_shortened_file_is_read_from_its_start(tmp_path: Path) -> None:
    _append(tmp_path, *({"step": step} for step in range(1, 6)))
    cursor = read_metrics(tmp_path).cursor
    part = tmp_path / "part"
    part.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"step": 9, "loss": 0.123456789}\n' * 4)
    part.replace(tmp_path / METRICS_FILE)
    replaced = read_metrics(tmp_path, cursor)
    assert replaced.is_restart
    assert [row["step"] for row in replaced.rows][:4] == [1, 2, 3, 9]
    (tmp_path / METRICS_FILE).write_text('{"step": 1}\n')
    shortened = read_metrics(tmp_path, replaced.cursor)
    assert shortened.is_restart
    assert shortened.rows == ({"step": 1},)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b"7",
        b'{"loss": 1}',
        b'{"step": -1}',
        b'{"step": true}',
        b'{"step": 1.5}',
        b'{"step": "1"}',
        b'{"step": 1',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_damaged_row_is_left_out(tmp_path: Path, line: bytes) -> None:
    (tmp_path / METRICS_FILE).write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 3}\n')
    assert read_metrics(tmp_path).rows == ({"step": 1}, {"step": 3})


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0.5", True),
        ('"text"', True),
        ("NaN", False),
        ("Infinity", False),
        ("1" * 400, False),
        ("true", False),
        ("null", False),
        ("[1]", False),
        ('"' + "x" * 3000 + '"', False),
    ],
)
def test_only_finite_numbers_and_short_texts_are_kept(
    tmp_path: Path, value: str, *, kept: bool
) -> None:
    (tmp_path / METRICS_FILE).write_text(f'{{"step": 1, "value": {value}}}\n')
    (row,) = read_metrics(tmp_path).rows
    assert ("value" in row) is kept


def test_a_large_file_is_read_in_bounded_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_reader, "_CHUNK_BYTES", 1000)
    _append(tmp_path, *({"step": step, "loss": 0.25} for step in range(1, 501)))
    steps: list[object] = []
    cursor, calls, has_more = "", 0, True
    while has_more:
        chunk = read_metrics(tmp_path, cursor)
        assert len(chunk.rows) < 50
        assert chunk.is_restart is (calls == 0)
        steps += [row["step"] for row in chunk.rows]
        cursor, has_more, calls = chunk.cursor, chunk.has_more, calls + 1
    assert steps == list(range(1, 501))
    newest = [row["step"] for row in read_newest_metrics(tmp_path)]
    assert newest[-1] == 500
    assert 10 < len(newest) < 50


def test_a_row_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_reader, "_CHUNK_BYTES", 1000)
    _append(tmp_path, {"step": 1}, {"step": 2, "note": "x" * 2500}, {"step": 3})
    rows: list[object] = []
    cursor, has_more = "", True
    while has_more:
        chunk = read_metrics(tmp_path, cursor)
        rows += [row["step"] for row in chunk.rows]
        cursor, has_more = chunk.cursor, chunk.has_more
    assert rows == [1, 3]


def test_a_link_or_a_folder_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"step": 1}\n')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / METRICS_FILE).symlink_to(secret)
    assert read_metrics(tmp_path / "run").rows == ()
    (tmp_path / METRICS_FILE).mkdir()
    assert read_newest_metrics(tmp_path) == ()


@pytest.mark.parametrize("cursor", ["1", "a-b", "1-", "-1-2", "1-2-3", "9" * 50 + "-1"])
def test_another_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(UsageError, match="not a position"):
        read_metrics(tmp_path, cursor)
