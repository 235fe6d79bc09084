"""Say the result of a step in one sentence, from the JSON that its command printed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from faceloom.compare import Comparison, ScoreWords, words_of_swap
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.review.verdict import COVERED_READY, COVERED_USABLE


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
    """Return what the footage lacks for the swap, and what helps most; empty if nothing is known.

    It never says that a swap is not ready: the swap goes on, and the sentence says what to expect.

    Args:
        reviewed: The JSON object that it printed.
    """
    with suppress(KeyError, TypeError, IndexError, ValueError):
        verdict = reviewed["verdicts"][0]
        return (
            f"{verdict['source']}'s face on {verdict['target']}: "
            f"{_footage_in_words(float(verdict['covered']))}. {verdict['next_action']}"
        )
    return ""


def _footage_in_words(covered: float) -> str:
    """Describe the share of the target's head poses that the source's footage covers."""
    poses = f"(head poses covered: {100 * covered:.0f} %)"
    if covered >= COVERED_READY:
        return f"enough footage {poses}"
    if covered >= COVERED_USABLE:
        return f"nearly complete footage {poses}; expect faults in the poses that are missing"
    return (
        f"little footage {poses}; the swap is made all the same, but expect it to be blurred and "
        "to move little in the poses that are missing"
    )


def score_in_words(compared: Mapping[str, Any]) -> ScoreWords | None:
    """Return the swap's score in the result of `compare`; None if there is none.

    Args:
        compared: The JSON object that it printed.
    """
    with suppress(KeyError, TypeError, ValueError):
        return words_of_swap(Comparison.from_json(compared))
    return None


def occlusion_note(converted: Mapping[str, Any]) -> str:
    """Return a sentence on when something stands before the face; empty if nothing does.

    Args:
        converted: The JSON object that `convert` printed.
    """
    with suppress(KeyError, TypeError):
        found = converted["occlusion"]
        spans = tuple((start, end) for start, end in found["spans"])
        return Occlusion(found["frames"], spans).to_text(converted["swapped_frames"])
    return ""


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
    if "jobs" in result:
        return _converted_jobs(result["jobs"])
    rate = (result["frames"] - result["resumed_at"]) / result["seconds"]
    return f"{result['swapped_frames']} of {result['frames']} frames swapped, {rate:.0f} frames/s"


def _converted_jobs(rows: Sequence[Mapping[str, Any]]) -> str:
    """Describe the report of a job file; jobs that an earlier run converted have no count."""
    frames = sum(row["frames"] or 0 for row in rows)
    swapped = sum(row["swapped_frames"] or 0 for row in rows)
    return f"{swapped} of {frames} frames swapped" if frames else "converted by an earlier run"


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
