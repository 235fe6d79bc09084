"""How far a long piece of work has come."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units (frames, steps) of a stage; `total` is None while unknown."""

    stage: str
    done: int
    total: int | None = None
    note: str = ""


Result = TypeVar("Result")

# Long work yields its progress and returns its result: whoever iterates may stop it.
ProgressGenerator: TypeAlias = Generator[Progress, None, Result]

# Keras owns the training loop, so training tells its progress to a callable instead.
ProgressCallback: TypeAlias = Callable[[Progress], None]


def run_to_completion(
    work: ProgressGenerator[Result], report: ProgressCallback = lambda _: None
) -> Result:
    """Run `work` to its end, telling `report` on the way, and return its result."""
    while True:
        try:
            report(next(work))
        except StopIteration as end:
            result: Result = end.value
            return result
