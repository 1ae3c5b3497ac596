"""Protocol of a comparison, for machines: seeds, splits, preprocessing, parameters, versions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cocktailparty.model_selection.policy import Split
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial
from cocktailparty.versions import versions


def protocol_of(
    decoders: Mapping[str, Any],
    splits: Sequence[Fold],
    cv: Any,
    *,
    random_state: Any = None,
    data: str | Sequence[str] = "",
    preprocessing: str | Sequence[str] = "",
    command: str = "",
) -> dict[str, Any]:
    """Record all that is needed to compute a comparison again, in what JSON can hold.

    `data`, `preprocessing`, `command`; `provenance` of each trial; `seeds` of the comparison and of
    each decoder that takes one; `split`, with subjects, stories and trials on both sides of each
    fold; `decoders` with their parameters; `versions`.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from cocktailparty.model_selection import folds
    >>> trials = simulate_two_talkers(n_trials=3, n_channels=2, random_state=0).trials
    >>> protocol = protocol_of({}, folds(trials, "trial"), "trial", random_state=7)
    >>> protocol["seeds"]
    {'comparison': 7}
    >>> protocol["split"]["folds"][0]["test"]["trials"]
    ['sub-01/story-1/trial-01']
    """
    split = Split.of(cv)
    parameters = {name: _plain(decoder.get_params(deep=True)) for name, decoder in decoders.items()}
    seeds = {"comparison": _plain(random_state)}
    for name, values in parameters.items():
        states = [x for key, x in values.items() if key.endswith("random_state")]
        seeds |= {name: states[0]} if states else {}
    return {
        "data": [data] if isinstance(data, str) else list(data),
        "preprocessing": [preprocessing] if isinstance(preprocessing, str) else list(preprocessing),
        "command": command,
        "provenance": {
            trial.label or str(i): _plain(trial.provenance)
            for i, trial in enumerate(_all_trials(splits))
        },
        "seeds": seeds,
        "split": {
            "cv": _plain(split.cv),
            "n_splits": split.n_splits,
            "gap": split.gap,
            "allow_shared_stimuli": split.allow_shared_stimuli,
            "folds": [
                {"name": fold.name, "train": _names(fold.train), "test": _names(fold.test)}
                for fold in splits
            ],
        },
        "decoders": {
            name: {"class": _class_name(decoder), "parameters": parameters[name]}
            for name, decoder in decoders.items()
        },
        "versions": versions(),
    }


def _names(trials: Iterable[Trial]) -> dict[str, Any]:
    """Say who and what is on a side of a fold; segments of one trial count once."""
    trials = list(trials)
    return {
        "subjects": list(dict.fromkeys(trial.subject for trial in trials)),
        "stories": list(dict.fromkeys(trial.story for trial in trials)),
        "trials": list(dict.fromkeys(trial.label for trial in trials)),
        "seconds": sum(trial.duration for trial in trials),
    }


def _all_trials(splits: Sequence[Fold]) -> list[Trial]:
    """Every trial once, however often it is tested or cut into segments."""
    trials = [trial for fold in splits for trial in (*fold.test, *fold.train)]
    return list({trial.label or id(trial): trial for trial in trials}.values())


def _class_name(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _plain(value: Any) -> Any:
    """Turn a parameter into what JSON can hold; an object into its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    return repr(value)
