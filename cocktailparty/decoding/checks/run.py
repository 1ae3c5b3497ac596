"""Common tests of attention decoders, ours and other people's."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cocktailparty.catalogue import check_refusals
from cocktailparty.decoding.checks.case import N_TRAIN, Case, placed
from cocktailparty.decoding.checks.promises import CHECKS, NEEDED
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials

_N_TRIALS = N_TRAIN + 2


def check_attention_decoder(
    decoder: Any, trials: Sequence[Trial] | None = None, *, refuses: Iterable[str] = ()
) -> None:
    """Check that an attention decoder keeps the promises of all of them.

    The sisters of scikit-learn's `check_estimator`: parameters and clones, errors before `fit`,
    trials of unequal length, scores in windows, decisions that follow from the scores and look at
    no label, labels that are given or missing, other channels and rates, one trial, one to three
    sounds, float32, the same result with the same seed, pickle, scikit-learn's cross-validation in
    a worker process, and input that is left as it was. They say nothing about how good the
    decoder is.

    Parameters
    ----------
    decoder : estimator
        Attention decoder, which stays as it is: clones are trained, about eight times, with 0 in
        the place of any `random_state` that is None. Whether it needs labels is taken from
        scikit-learn's tag ``target_tags.required``.
    trials : sequence of Trial, optional
        At least 6 labelled trials of two sounds; the first 4 train. None for simulated ones, of 8
        channels and 24 s, at the rate of the decoder's parameter `sfreq`, or 64 Hz.
    refuses : iterable of str
        Names from `cocktailparty.catalogue.REFUSALS` of what the decoder does not do. It then has
        to raise a ValueError.

    Raises
    ------
    AssertionError
        If a check fails; names all that do, with what was expected and what was found.
    ValueError
        If something in `refuses` is unknown, or the trials are too few or not of two sounds.

    See Also
    --------
    cocktailparty.decoding.AttentionDecoderMixin : Base class that fulfils much of it.

    Examples
    --------
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> decoder = AttentionDecoder(BackwardTRF(alpha=[1e-9, 1e-8]))
    >>> check_attention_decoder(decoder)
    Traceback (most recent call last):
    ...
    AssertionError: AttentionDecoder fails 1 of 22 checks of attention decoders:
    - one_trial: Training on a single trial works. Found: ValueError: choosing among 2 penalties ...
    >>> check_attention_decoder(decoder, refuses=["one_trial"])
    """
    refused = frozenset(refuses)
    check_refusals(refused)
    if trials is None:
        trials = _simulated(_rate(decoder))
    case = Case(decoder, _checked(trials), refused)
    failures: list[tuple[str, Exception]] = []
    for check in CHECKS:
        try:
            check(case)
        except Exception as error:  # whatever the code of others may raise
            failures.append((_told(check, error), error))
            if check.__name__ == NEEDED:
                failures[-1] = (failures[-1][0] + "\nThe other checks need this one", error)
                break
    if failures:
        lines = "\n".join(f"- {text}" for text, _ in failures)
        raise AssertionError(
            f"{type(decoder).__name__} fails {len(failures)} of {len(CHECKS)} checks of attention "
            f"decoders:\n{lines}"
        ) from failures[0][1]


def _told(check: Callable[[Case], None], error: Exception) -> str:
    """Name of a check, what was expected, and what was found."""
    expected = " ".join((check.__doc__ or "").split())
    reason = str(error) if type(error) is AssertionError else f"{type(error).__name__}: {error}"
    return f"{check.__name__[1:]}: {expected} Found: {reason}"


def _rate(decoder: Any) -> float:
    """Find the sampling rate that a decoder, or what is nested in it, was made for."""
    parameters = decoder.get_params()
    rates = [v for k, v in parameters.items() if k.rpartition("__")[2] == "sfreq"]
    return float(rates[0]) if rates else 64.0


def _simulated(sfreq: float) -> list[Trial]:
    """Easy trials of two lengths, in which each place is attended half of the time."""
    from cocktailparty.datasets import simulate_two_talkers

    trials = simulate_two_talkers(
        n_trials=_N_TRIALS, duration=24, sfreq=sfreq, n_channels=8, snr=-15, random_state=0
    ).trials
    return [placed(t, i % 2).crop(0, 24 - 3 * (i % 3 == 1)) for i, t in enumerate(trials)]


def _checked(trials: Sequence[Trial]) -> list[Trial]:
    trials = check_trials(trials)
    attended_labels(trials)
    if len(trials) < _N_TRIALS or any(trial.n_stimuli != 2 for trial in trials):
        raise ValueError(
            f"at least {_N_TRIALS} trials of two sounds are needed, got {len(trials)} of "
            f"{sorted({trial.n_stimuli for trial in trials})} sounds"
        )
    return trials
