"""Adapt the number of training steps to the measured pace.

The learning rate falls to the planned last step. A training that a deadline ends long before it has
not settled, and one that ends long before the deadline wastes time. So the steps are planned once
more when the pace is known, and the run continues with the new number.
"""

# Steps after which the pace is measured, and the seconds that they must take at least.
_MEASURED_STEPS = 40
_MEASURED_SECONDS = 15.0
# Share of the remaining time that the new plan uses: evaluations and previews take some.
_USED_SHARE = 0.92
# Share of the planned steps by which the new plan must differ to be worth the restart.
_WORTH_SHARE = 0.2
# Seconds that a restart takes on a slow machine, and the time that must be left for it to pay.
_RESTART_SECONDS = 30.0
_LEAST_SECONDS = 90.0


def adapted_steps(
    planned: int, done: int, measured: tuple[int, float], seconds_left: float, most: int
) -> int | None:
    """Return the steps that fit into the time that is left.

    Args:
        planned: The steps of the present plan.
        done: The steps that are done.
        measured: How many steps were measured, and the seconds that they took.
        seconds_left: Time until the training has to end.
        most: The most steps that make sense.

    Returns:
        The new number of steps; None if the present plan fits, or nothing is known yet.
    """
    steps, seconds = measured
    if steps < _MEASURED_STEPS or seconds < _MEASURED_SECONDS or seconds_left < _LEAST_SECONDS:
        return None
    fitting = int((seconds_left - _RESTART_SECONDS) * _USED_SHARE * steps / seconds)
    adapted = min(done + max(fitting, 1), max(most, done + 1))
    return adapted if abs(adapted - planned) > _WORTH_SHARE * planned else None


def pace_sentence(planned: int, adapted: int) -> str:
    """Say why the number of steps changes.

    Args:
        planned: The steps of the present plan.
        adapted: The new number of steps.
    """
    pace = "slower" if adapted < planned else "faster"
    return (
        f"The training is {pace} than estimated: {adapted} steps instead of {planned} fit into "
        "--minutes."
    )
