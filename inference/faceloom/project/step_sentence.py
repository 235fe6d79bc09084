"""Say the result of a step in one sentence, from the JSON that its command printed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from faceloom.compare import Comparison, ScoreWords, words_of_swap


def step_sentence(command: str, result: Mapping[str, Any], printed: str) -> str:
    """Describe the result of a command.

    Args:
        command: The command's name, such as "extract".
        result: The JSON object that it printed; may be empty.
        printed: The last line of its text, which is used for other commands.

    Returns:
        A short sentence, which may be empty.
    """
    describe = _DESCRIPTIONS.get(command)
    if describe is not None:
        with suppress(KeyError, TypeError, IndexError, ValueError):
            return describe(result)
    return printed


def review_verdict(reviewed: Mapping[str, Any]) -> str:
    """Return the verdict of `review` on the swap in two sentences; empty if it has none.

    Args:
        reviewed: The JSON object that it printed.
    """
    with suppress(KeyError, TypeError, IndexError, ValueError):
        verdict = reviewed["verdicts"][0]
        return (
            f"{verdict['source']}'s face on {verdict['target']}: {verdict['readiness']} "
            f"(head poses covered: {100 * verdict['covered']:.0f} %). {verdict['next_action']}"
        )
    return ""


def score_in_words(compared: Mapping[str, Any]) -> ScoreWords | None:
    """Return the swap's score in the result of `compare`; None if there is none.

    Args:
        compared: The JSON object that it printed.
    """
    with suppress(KeyError, TypeError, ValueError):
        return words_of_swap(Comparison.from_json(compared))
    return None


def _extracted(result: Mapping[str, Any]) -> str:
    others = int(result["other_faces"])
    left_out = f", {others} of other people left out" if others else ""
    return f"{result['faces']} faces in {result['frames']} frames{left_out}"


def _trained(result: Mapping[str, Any]) -> str:
    return f"{result['step']} of {result['total']} steps"


def _exported(result: Mapping[str, Any]) -> str:
    graph = result["graphs"][0]
    return (
        f"{graph['bytes'] / 1e6:.1f} MB, at most {graph['parity']['max_difference']} of 255 levels "
        "from the trained network"
    )


def _converted(result: Mapping[str, Any]) -> str:
    if "sheet" in result:
        return str(result["sheet"])
    rate = (result["frames"] - result["resumed_at"]) / result["seconds"]
    return f"{result['swapped_frames']} of {result['frames']} frames swapped, {rate:.0f} frames/s"


def _compared(result: Mapping[str, Any]) -> str:
    words = score_in_words(result)
    return f"score {words.to_text()}" if words else "no score"


_DESCRIPTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "extract": _extracted,
    "review": review_verdict,
    "train": _trained,
    "export": _exported,
    "convert": _converted,
    "compare": _compared,
}
