"""The search space of the thesis that the contrastive decoder comes from, as plain data."""

from collections.abc import Mapping
from typing import Any

#: Values to choose from, by the names of the thesis.
CHOICES: dict[str, tuple[Any, ...]] = {
    "overlap": (0.5, 0.6, 0.7),
    "batch_size": (64, 128),
    "temperature": (5, 10),
    "bias": (5, 10, 20),
    "n_embedding": (8, 10, 16),
    "n_reconstruction": (28, 30, 32, 34),
    "eeg_dropout": (0.2, 0.3, 0.4, 0.5),
    "envelope_dropout": (0.2, 0.3, 0.4, 0.5),
}
#: Ranges that are drawn from on a logarithmic scale.
LOG_RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-5, 1e-3),
    "weight_decay": (1e-5, 1e-3),
}
#: Lengths of the kernels of the blocks, in samples at 64 Hz.
KERNELS: tuple[tuple[int, ...], ...] = (
    (20, 10, 20),
    (3, 5, 9),
    (5, 17, 32),
    (5, 5, 5, 4),
    (10, 20, 30),
    (30, 20, 40),
    (4, 10),
    (1, 5, 10),
    (7, 9, 11, 9, 7),
    (13, 48, 29),
    (50, 50, 50),
    (16, 27, 13),
    (5, 30, 15),
    (8, 3, 3, 8),
    (10, 13, 15, 13, 10),
)
#: Number of trials, epochs of a trial and first epoch at which a trial could be stopped.
BUDGET = {"n_trials": 50, "max_epochs": 100, "min_epochs": 1}
#: Name in this module -> parameter of the decoder.
PARAMETERS: dict[str, str] = {name: name for name in (*CHOICES, *LOG_RANGES, "kernels")}


def suggest(trial: Any, parameters: Mapping[str, str] = PARAMETERS) -> dict[str, Any]:
    """Draw parameters of the decoder.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study. Kernels are drawn by name, such as ``"20-10-20"``, since a study can only
        keep texts and numbers.
    parameters : dict of str to str
        Parameter of the decoder for each name of the space.

    Returns
    -------
    drawn : dict
        Value of each parameter of the decoder.

    Examples
    --------
    >>> class First:
    ...     def suggest_categorical(self, name, choices):
    ...         return choices[0]
    ...     def suggest_float(self, name, low, high, *, log):
    ...         return low
    >>> drawn = suggest(First())
    >>> drawn["kernels"], drawn["overlap"], drawn["learning_rate"]
    ((20, 10, 20), 0.5, 1e-05)
    """
    drawn = {name: trial.suggest_categorical(name, among) for name, among in CHOICES.items()}
    for name, (low, high) in LOG_RANGES.items():
        drawn[name] = trial.suggest_float(name, low, high, log=True)
    by_name = {"-".join(map(str, sizes)): sizes for sizes in KERNELS}
    drawn["kernels"] = by_name[trial.suggest_categorical("kernels", tuple(by_name))]
    return {parameters[name]: value for name, value in drawn.items()}
