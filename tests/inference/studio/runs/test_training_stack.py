"""Whether training and export are installed."""

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint

import pytest

from faceloom.studio.runs import training_stack
from faceloom.studio.runs.training_stack import export_advice, training_advice


@pytest.mark.parametrize(
    ("advice", "missing", "commands", "words"),
    [
        (training_advice, (), ("train", "export"), ""),
        (export_advice, (), ("train", "export"), ""),
        (training_advice, ("keras",), ("train", "export"), "keras"),
        (training_advice, ("tf2onnx",), ("train", "export"), ""),
        (export_advice, ("tf2onnx",), ("train", "export"), "faceloom[train,export]"),
        (training_advice, (), ("export",), "faceloom train"),
        (export_advice, (), ("train",), "faceloom export"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch,
    advice: Callable[[], str],
    missing: tuple[str, ...],
    commands: tuple[str, ...],
    words: str,
) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name in missing else ModuleSpec(name, None)

    def points(group: str, name: str) -> list[EntryPoint]:
        return [EntryPoint(name, "x:y", group)] if name in commands else []

    monkeypatch.setattr(training_stack.importlib.util, "find_spec", find)
    monkeypatch.setattr(training_stack, "entry_points", points)
    assert words in advice()
    assert bool(advice()) is bool(words)
