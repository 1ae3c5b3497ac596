"""Results of a search: best parameters, scores, a table, files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.files import replacing, short, write_csv
from cocktailparty.notebook import facts_table
from cocktailparty.search.holdout import HeldOut

if TYPE_CHECKING:
    import optuna
    import pandas as pd

# States as Optuna names them, and in words.
_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "stopped early",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Outcome of `search`.

    Attributes
    ----------
    best_settings : dict
        Parameters for the decoder: ``decoder.set_params(**best_settings)``.
    best_parameters : dict
        The same as drawn from the space.
    best_trial : int
        Number of the trial of the search.
    score : float
        Its cross-validated accuracy. It is the best of many looks at the same test folds, so
        **too good**: compare trials with it, and report `held_out`.
    n_folds : int
        Number of folds.
    window : float
        Decision window in seconds.
    table : pandas.DataFrame
        A row for each trial of the search: `trial`, `state`, `score` (mean accuracy of the folds
        that were computed), `n_folds`, `seconds`, `error` and the parameters.
    held_out : HeldOut or None
        Score on trials that the search never saw.
    study : optuna.Study
        The study, for Optuna's own tools.
    guess : float
        Accuracy of guessing: one over the number of stimuli.
    """

    best_settings: dict[str, Any]
    best_parameters: dict[str, Any]
    best_trial: int
    score: float
    n_folds: int
    window: float
    table: "pd.DataFrame"
    held_out: HeldOut | None
    study: "optuna.Study"
    guess: float = 0.5

    def to_dict(self) -> dict[str, Any]:
        """Turn into something that JSON can hold.

        Returns
        -------
        fields : dict
            Everything except the table and the study.
        """
        states = self.table["state"].value_counts()
        return {
            "settings": self.best_settings,
            "parameters": self.best_parameters,
            "trial": self.best_trial,
            "search_score": self.score,
            "search_score_is": "optimistic: the best of many looks at the same folds",
            "n_folds": self.n_folds,
            "window": self.window,
            "trials": {state: int(n) for state, n in states.items()},
            "held_out": None if self.held_out is None else self.held_out.to_dict(),
        }

    def _repr_html_(self) -> str:
        return facts_table("Search of parameters", self.best_settings, self.verdict())

    def verdict(self) -> list[str]:
        """Summarise the outcome in words.

        Returns
        -------
        lines : list of str
            Sentences.
        """
        states = self.table["state"].value_counts()
        counts = ", ".join(f"{n} {state}" for state, n in states.items())
        drawn = ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in self.best_parameters.items()
        )
        lines = [
            f"Trials of the search: {counts}.",
            f"Best: trial {self.best_trial} with {drawn}.",
            f"Accuracy of the search at {self.window:g} s: {100 * self.score:.1f} % "
            f"(mean of {self.n_folds} folds). This is optimistic, since it is the best of many "
            "looks at the same folds: do not report it.",
        ]
        if self.held_out is None:
            lines.append("Nothing was held out, so there is no fair score (see --holdout).")
            return lines
        low, high = (100 * edge for edge in self.held_out.interval)
        lines.append(
            f"Held out ({self.held_out.group}): {100 * self.held_out.accuracy:.1f} % of "
            f"{self.held_out.n_windows} windows. If windows were independent (those of one trial "
            f"are not), the 95 % interval would be {low:.1f} to {high:.1f} %, and guessing would "
            f"reach {100 * self.held_out.chance:.1f} % in at most 5 % of cases."
        )
        if self.held_out.n_looks > 1:
            lines.append(
                f"What was held out has been scored with {self.held_out.n_looks} choices of "
                "parameters by now: the best of these would be optimistic, too."
            )
        return lines


def table_of(study: "optuna.Study") -> "pd.DataFrame":
    """List the trials of a study, see `SearchResult`."""
    import pandas as pd

    rows = []
    for trial in study.get_trials(deepcopy=False):
        accuracies = trial.user_attrs.get("accuracies", [])
        rows.append(
            {
                "trial": trial.number,
                "state": _STATES[trial.state.name],
                "score": sum(accuracies) / len(accuracies) if accuracies else float("nan"),
                "n_folds": len(accuracies),
                "seconds": trial.duration.total_seconds() if trial.duration else float("nan"),
                "error": trial.user_attrs.get("error", ""),
                **trial.params,
            }
        )
    return pd.DataFrame(rows)


def write_results(
    result: SearchResult, out: Path, figures: Sequence[str] = (), title: str = ""
) -> None:
    """Write the table, the best parameters and the figure, also in `figures`, into a folder."""
    from matplotlib.figure import Figure

    from cocktailparty.plots.style import plain, save_figure
    from cocktailparty.search.figure import draw_search

    with replacing(out / "trials.csv") as temporary:
        write_csv(result.table, temporary)
    with replacing(out / "best.json") as temporary:
        temporary.write_text(json.dumps(short(result.to_dict()), indent=2) + "\n")
    figure = draw_search(result, Figure(figsize=(9, 6.5), layout="constrained"))
    if title:
        figure.suptitle(plain(title))
    save_figure(figure, out / "search.png", figures)
