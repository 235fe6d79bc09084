"""All text for people is in the templates; scripts read it from there."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

import faceloom.studio

STATIC = Path(str(files(faceloom.studio))) / "static"
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
STRING = re.compile(r"""(["'`])((?:(?!\1)[^\\\n])*)\1""")
# A word with a capital letter and another word, or what is shown directly.
SENTENCE = re.compile(r"[A-Z][a-z]+[,:]? [a-z]")
SHOWN = re.compile(r"""\.(?:textContent|title|alt|placeholder) = ["'`][^"'`$]*[A-Za-z]""")


def texts_in(script: str) -> list[str]:
    code = COMMENT.sub("", script)
    sentences = [text for _, text in STRING.findall(code) if SENTENCE.search(text)]
    return sentences + SHOWN.findall(code)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_contains_no_sentence(path: Path) -> None:
    assert texts_in(path.read_text()) == []


@pytest.mark.parametrize(
    "script",
    ['show("The queue is empty.");', "say(`Step ${step}: Wait a moment`);", 'row.title = "close";'],
)
def test_a_sentence_is_found(script: str) -> None:
    assert texts_in(script)


@pytest.mark.parametrize(
    "script", ['find("select, input");', "// The queue is empty.", 'key === "Page Up"; a.alt = "";']
)
def test_other_strings_are_no_sentences(script: str) -> None:
    assert not texts_in(script)
