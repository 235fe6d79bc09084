"""The watermark's code: 32 bits to 1,024 chips and back.

A tail-biting convolutional code of constraint length 9 and rate 1/4 (the generators of 3GPP2
C.S0002, free distance 24), repeated to 24 chips a bit. Tail biting needs no chips for a known end:
H. H. Ma and J. K. Wolf, "On tail biting convolutional codes", IEEE Transactions on Communications
34(2), 1986. The decoder is exact: it finds the best path for each start state.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float32, Int64

from faceloom.provenance.watermark.carriers import DATA_CARRIERS, PILOT_CARRIERS, TINY, Chips

# Bits of the payload.
FINGERPRINT_BITS = 32
# Chips for each bit.
_CHIPS_PER_BIT = DATA_CARRIERS // FINGERPRINT_BITS
# Bits of the register, on which a chip depends: the newest bit and the state.
_CONSTRAINT_LENGTH = 9
# States of the code: the bits before the newest one.
_STATES = 1 << (_CONSTRAINT_LENGTH - 1)
# Masks of the register; the parity of the masked bits is a chip.
_GENERATORS = (0o765, 0o671, 0o513, 0o473)
# Metric of all states but the start state before the first bit.
_IMPOSSIBLE = -1e9


def encode(fingerprint: int) -> Chips:
    """Return the chips of a fingerprint: the pilot's, then the payload's, each 1 or -1.

    Args:
        fingerprint: The payload, 0 to 2**32 - 1.
    """
    bits = [fingerprint >> (FINGERPRINT_BITS - 1 - index) & 1 for index in range(FINGERPRINT_BITS)]
    state = 0
    for bit in bits[1 - _CONSTRAINT_LENGTH :]:
        state = _push(state, bit) >> 1
    chips = np.ones(PILOT_CARRIERS + DATA_CARRIERS, np.float32)
    signs = _branch_signs()
    for index, bit in enumerate(bits):
        register = _push(state, bit)
        first = PILOT_CARRIERS + index * _CHIPS_PER_BIT
        chips[first : first + _CHIPS_PER_BIT] = np.resize(signs[register], _CHIPS_PER_BIT)
        state = register >> 1
    return chips


def decode(chips: Chips) -> int:
    """Return the fingerprint whose chips are most like the given ones (Viterbi's algorithm).

    Args:
        chips: Soft values, of any scale.
    """
    # One row for each start state.
    metric = np.full((_STATES, _STATES), _IMPOSSIBLE, np.float32)
    np.fill_diagonal(metric, 0)
    choices = []
    for branch in _branch_metrics(chips):
        # The register holds the new bit, then the state; the next state drops its last bit. So
        # registers 2s and 2s + 1 lead to state s.
        candidates = (np.tile(metric, 2) + branch).reshape(_STATES, _STATES, 2)
        choice = candidates[..., 1] > candidates[..., 0]
        metric = np.where(choice, candidates[..., 1], candidates[..., 0])
        choices.append(choice)
    start = int(metric.diagonal().argmax())
    return _trace_back(start, [choice[start] for choice in choices])


def similarity_bound(chips: Chips) -> float:
    """Return an upper bound of the similarity to any fingerprint, forty times as fast as decoding.

    It is the similarity of the best path, which need not end in the state in which it starts.

    Args:
        chips: Soft values, of any scale.
    """
    metric = np.zeros(_STATES, np.float32)
    for branch in _branch_metrics(chips):
        metric = (np.tile(metric, 2) + branch).reshape(_STATES, 2).max(1)
    correlation = chips[:PILOT_CARRIERS].sum() + metric.max()
    return float(correlation / (np.linalg.norm(chips) + TINY))


def similarity(chips: Chips, fingerprint: int) -> float:
    """Return how similar chips are to those of a fingerprint, pilot included.

    Args:
        chips: Soft values, of any scale.
        fingerprint: The payload.

    Returns:
        The correlation in standard deviations of what unmarked chips give.
    """
    return float(chips @ encode(fingerprint) / (np.linalg.norm(chips) + TINY))


def fingerprint_text(fingerprint: int) -> str:
    """Return a fingerprint as eight hexadecimal digits.

    Args:
        fingerprint: The payload, 0 to 2**32 - 1.
    """
    return f"{fingerprint:0{FINGERPRINT_BITS // 4}x}"


def _push(state: int, bit: int) -> int:
    """Return the register: the new bit, then the state."""
    return bit << (_CONSTRAINT_LENGTH - 1) | state


@lru_cache(maxsize=1)
def _branch_signs() -> Float32[np.ndarray, "registers generators"]:
    """Return the chips for each value of the register, 1 or -1."""
    registers = np.arange(2 * _STATES, dtype=np.int64)
    return np.stack([1 - 2 * _parity(registers & mask) for mask in _GENERATORS], 1).astype(
        np.float32
    )


def _parity(values: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    for shift in (8, 4, 2, 1):
        values = values ^ values >> shift
    return values & 1


def _branch_metrics(chips: Chips) -> Float32[np.ndarray, "bits registers"]:
    """Return the correlation of each bit's chips with those of each value of the register."""
    count = len(_GENERATORS)
    rows = chips[PILOT_CARRIERS:].reshape(FINGERPRINT_BITS, _CHIPS_PER_BIT // count, count)
    return np.asarray(rows.sum(1) @ _branch_signs().T, np.float32)


def _trace_back(state: int, choices: list[Bool[np.ndarray, "states"]]) -> int:
    """Follow the best path back from its end; return its bits."""
    fingerprint = 0
    for position, choice in enumerate(reversed(choices)):
        # The state's first bit is the newest.
        fingerprint |= state >> (_CONSTRAINT_LENGTH - 2) << position
        state = (2 * state + int(choice[state])) & (_STATES - 1)
    return fingerprint
