"""Null distribution of a score: circular shifts of the stimulus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from cocktailparty.backend import as_array, namespace
from cocktailparty.notebook import facts_table


@dataclass(frozen=True, eq=False)
class ShiftTest:
    """A score and its null distribution under circular shifts of the stimulus.

    Attributes
    ----------
    observed : float
        Score with the stimuli in place.
    null : ndarray of shape (n_shifts,)
        Scores with the stimuli shifted.

    Raises
    ------
    ValueError
        If a score is NaN, which is neither above nor below another.
    """

    observed: float
    null: np.ndarray

    def __post_init__(self) -> None:
        missing = int(np.isnan(self.null).sum())
        if np.isnan(self.observed) or missing:
            raise ValueError(
                f"the score is {self.observed:g}, and NaN for {missing} of {len(self.null)} "
                "shifts: a shift test needs a number for each"
            )

    @property
    def p_value(self) -> float:
        """Probability of a score this high without any relation, never below 1/(n_shifts+1)."""
        return float((1 + np.sum(self.null >= self.observed)) / (1 + len(self.null)))

    def _repr_html_(self) -> str:
        facts = {
            "observed": f"{self.observed:.4f}",
            f"mean of {len(self.null)} shifts": f"{self.null.mean():.4f}",
            "highest of them": f"{self.null.max():.4f}",
            "p": f"{self.p_value:.3g}",
        }
        return facts_table("Test against circular shifts", facts)


def circular_shift_null(
    score: Callable[[list[Any]], float],
    stimuli: Sequence[Any],
    *,
    n_shifts: int = 1000,
    min_shift: int = 1,
    random_state: Any = None,
    progress: bool = False,
) -> ShiftTest:
    """Compare a score with its distribution under circular shifts of the stimuli.

    A shifted stimulus keeps its spectrum and its distribution of values, and loses only its
    relation to the recording. Everything that the score depends on has to happen inside `score`,
    fitting and choice of penalties included: a null of a decoder that was trained on the
    unshifted stimuli is too narrow.

    Parameters
    ----------
    score : callable
        Takes the list of stimuli, refits what has to be fitted, returns a float.
    stimuli : sequence of arrays of shape (n_times, ...)
        One array per trial; each is shifted along time by its own random amount.
    n_shifts : int
        Number of shifted data sets.
    min_shift : int
        Smallest shift in samples, forwards or backwards; at least the autocorrelation time of
        the stimulus plus the lags of the decoder, or a shifted copy still resembles the original.
    random_state : {None, int, Generator, RandomState}
        Seed of the shifts.
    progress : bool
        Show a progress bar.

    Returns
    -------
    test : ShiftTest
        Observed score, null distribution and p value.

    Raises
    ------
    ValueError
        If there are no stimuli, or one is too short for `min_shift`.

    References
    ----------
    Crosse, M. J., et al. (2021). Linear modeling of neurophysiological responses to speech and
    other continuous stimuli. Frontiers in Neuroscience, 15, 705621.
    https://doi.org/10.3389/fnins.2021.705621

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> stimulus = rng.normal(size=500)
    >>> response = stimulus + rng.normal(size=500)
    >>> test = circular_shift_null(
    ...     lambda stimuli: np.corrcoef(stimuli[0], response)[0, 1], [stimulus],
    ...     n_shifts=99, random_state=0)
    >>> test.p_value
    0.01
    """
    stimuli = [as_array(stimulus, f"stimuli[{i}]") for i, stimulus in enumerate(stimuli)]
    if not stimuli:
        raise ValueError("there are no stimuli to shift")
    if n_shifts < 1 or min_shift < 1:
        raise ValueError(f"n_shifts={n_shifts} and min_shift={min_shift} must be at least 1")
    for i, stimulus in enumerate(stimuli):
        if len(stimulus) < 2 * min_shift:
            raise ValueError(
                f"stimuli[{i}] has {len(stimulus)} samples, too short to be shifted by "
                f"min_shift={min_shift} both ways"
            )
    rng = np.random.default_rng(random_state)
    observed = float(score(stimuli))
    null = np.empty(n_shifts)
    for i in tqdm(range(n_shifts), desc="circular shifts", disable=not progress):
        null[i] = score(
            [_shifted(s, int(rng.integers(min_shift, len(s) - min_shift + 1))) for s in stimuli]
        )
    return ShiftTest(observed, null)


def _shifted(x: Any, shift: int) -> Any:
    return namespace(x).concat([x[-shift:, ...], x[:-shift, ...]])
