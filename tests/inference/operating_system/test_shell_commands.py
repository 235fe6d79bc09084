"""Commands for the user's shell."""

import shlex
import subprocess

import pytest

from faceloom.operating_system import chain_commands, quote_word, set_variable, shell_commands

_WORDS = ["onnx", "faceloom[cpu]", "a folder/x.whl", "name==1.2", "jax[cuda13]>=0.4"]


@pytest.mark.parametrize("word", _WORDS)
def test_a_posix_shell_reads_a_quoted_word(word: str) -> None:
    assert shlex.split(quote_word(word)) == [word]


def test_powershell_reads_words_in_double_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    assert [quote_word(word) for word in _WORDS[:4]] == [
        "onnx",
        '"faceloom[cpu]"',
        '"a folder/x.whl"',
        "name==1.2",
    ]


@pytest.mark.process
@pytest.mark.parametrize(("first", "output"), [("true", "jax"), ("false", "")])
def test_a_posix_shell_sets_the_variable_after_success(first: str, output: str) -> None:
    line = chain_commands(first, set_variable("KERAS_BACKEND", "jax"))
    script = f'unset KERAS_BACKEND; {line}; printf "$KERAS_BACKEND"'
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == output


def test_powershell_sets_the_variable_after_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    line = chain_commands("pip install onnx", set_variable("KERAS_BACKEND", "jax"))
    assert line == 'pip install onnx; if ($?) { $env:KERAS_BACKEND = "jax" }'


def test_powershell_skips_all_that_follows_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    assert chain_commands("a", "b", "c") == "a; if ($?) { b; if ($?) { c } }"
