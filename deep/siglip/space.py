"""Search space of the thesis, as a function of an Optuna trial."""

from typing import Any

from deep.siglip.presets import THESIS_SPACE

#: Number of trials of the thesis' search, and of epochs of each.
THESIS_BUDGET = {"n_trials": 50, "max_epochs": 100}


def suggest(trial: Any) -> dict[str, Any]:
    """Draw parameters of `deep.SigLIPDecoder` from the search space of the thesis.

    The result includes the thesis' preset and number of epochs. Kernels are drawn by name, such as
    ``"20-10-20"``, since a study keeps only texts and numbers.

    Examples
    --------
    >>> class First:
    ...     def suggest_categorical(self, name, choices):
    ...         return choices[0]
    ...     def suggest_float(self, name, low, high, *, log):
    ...         return low
    >>> drawn = suggest(First())
    >>> drawn["kernels"], drawn["overlap"], drawn["training__learning_rate"]
    ((20, 10, 20), 0.5, 1e-05)
    """
    drawn: dict[str, Any] = {"preset": "thesis", "max_epochs": THESIS_BUDGET["max_epochs"]}
    for name, among in THESIS_SPACE.items():
        short = name.removeprefix("training__")
        if "log_range" in among:
            low, high = among["log_range"]
            drawn[name] = trial.suggest_float(short, low, high, log=True)
        else:
            by_name = {_label(choice): choice for choice in among["choices"]}
            drawn[name] = by_name[trial.suggest_categorical(short, tuple(by_name))]
    return drawn


def _label(choice: Any) -> Any:
    return "-".join(map(str, choice)) if isinstance(choice, tuple) else choice
