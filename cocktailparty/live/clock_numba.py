"""Compiled line through the time stamps of a stream, sample by sample."""

import numpy as np
from numba import njit

#: What a clock remembers: time of its first sample, samples since (lost ones too), offset and drift
#: of the line, their covariance, mean square of the residuals, the last time that was given out,
#: whether it has begun, the latest stamp, and how many stamps were kept.
SIZE = 12
#: Number of stamps that are remembered, to know their duplicates.
RECENT = 2048
# Standard deviations, in seconds, of a stamp before it is known, and of the drift in s/s.
_STAMP, _DRIFT = 4e-3, 1e-3
# Half-time in seconds after which the line forgets, and time over which residuals are averaged.
_HALF, _AVERAGED = 90.0, 2.0


@njit(cache=True)
def straighten(
    times: np.ndarray,
    rate: float,
    state: np.ndarray,
    recent: np.ndarray,
    out: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Write the times on the line to `out`, (n,), and what was `kept`: 1, or 2 after a gap.

    `state`, (SIZE,), and `recent`, (RECENT,), are updated. Stamps that lie before what was heard
    already, or came before, are not kept.
    """
    dt = 1.0 / rate
    forget = 2.0 ** (1.0 / (_HALF * rate))
    share = 1.0 / (_AVERAGED * rate)
    for i in range(len(times)):
        if state[9] == 0.0:
            state[0], state[4], state[6], state[7] = times[i], _STAMP**2, _DRIFT**2, _STAMP**2
            state[8], state[9], state[10], state[11] = times[i], 1.0, times[i], 1.0
            recent[:] = np.nan
            recent[0] = times[i]
            out[i], kept[i] = times[i], 1
            continue
        if times[i] <= state[10] and np.any(recent == times[i]):
            out[i], kept[i] = 0.0, 0
            continue
        offset = state[2] + state[3] * dt
        residual = (times[i] - state[0]) - (state[1] + 1) * dt - offset
        limit = max(1.5 * dt, 6.0 * np.sqrt(state[7]))
        if residual < -limit:
            out[i], kept[i] = 0.0, 0
            continue
        lost = 0.0
        if residual > limit:
            lost = np.round(residual * rate)
        moved = (1 + lost) * dt
        offset = state[2] + state[3] * moved
        residual = (times[i] - state[0]) - (state[1] + 1 + lost) * dt - offset
        # The covariance of offset and drift, moved on and widened by what is forgotten.
        p00 = (state[4] + 2 * moved * state[5] + moved**2 * state[6]) * forget
        p01 = (state[5] + moved * state[6]) * forget
        p11 = min(state[6] * forget, _DRIFT**2)
        total = p00 + _STAMP**2
        g0, g1 = p00 / total, p01 / total
        recent[int(state[11]) % RECENT] = times[i]
        state[10], state[11] = max(state[10], times[i]), state[11] + 1
        state[1] += 1 + lost
        state[2], state[3] = offset + g0 * residual, state[3] + g1 * residual
        state[4], state[5], state[6] = (1 - g0) * p00, (1 - g0) * p01, p11 - g1 * p01
        state[7] += share * (min(residual * residual, limit * limit) - state[7])
        time = state[0] + state[1] * dt + state[2]
        time = max(time, state[8] + 0.2 * dt)
        state[8] = time
        out[i] = time
        kept[i] = 2 if lost > 0 else 1
