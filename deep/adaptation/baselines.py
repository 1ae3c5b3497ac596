"""Methods to compare adaptation with: none, batch statistics, Tent, SHOT, restandardisation."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from deep.adaptation.estimator import TestTimeAdapter, _no_labels

# No guard acts.
_UNGUARDED: dict[str, Any] = {
    "gate": None, "min_clips": 1, "memory_size": None, "balanced": False, "pull": 0.0,
    "collapse": None, "patience": None,
}  # fmt: skip


def _encoder(name: str) -> bool:
    return name.startswith("encoder.")


#: Settings of published methods. "none" never adapts, as its gate never opens; "bn" takes the
#: statistics of each batch [1]_; "tent" lowers the entropy along scales and offsets [2]_; "shot"
#: maximises the information along all weights except those of the last layer [3]_.
BASELINES: dict[str, dict[str, Any]] = {
    "none": {"gate": float("inf"), "objective": None},
    "bn": _UNGUARDED | {"objective": None, "statistics": "batch"},
    "tent": _UNGUARDED | {"objective": "entropy", "statistics": "batch", "shift": 0.0},
    "shot": _UNGUARDED | {
        "objective": "information", "statistics": "batch", "parameters": _encoder, "shift": 0.0,
    },
}  # fmt: skip


def baseline(name: str, classifier: Any, **settings: Any) -> TestTimeAdapter:
    """Make an adapter that works as a published method does, without any guard.

    Parameters
    ----------
    name : {"none", "bn", "tent", "shot"}
        The classifier itself; statistics of the batch [1]_; Tent [2]_; information maximisation as
        in SHOT [3]_, without its pseudo-labels.
    classifier : ContrastiveAudioClassifier
        Fitted.
    **settings : object
        Of `TestTimeAdapter`; they override those of the method.

    Returns
    -------
    adapter : TestTimeAdapter
        With these settings.

    Raises
    ------
    ValueError
        If there is no such method.

    References
    ----------
    .. [1] Schneider et al. (2020), "Improving robustness against common corruptions by covariate
       shift adaptation", NeurIPS 33, https://doi.org/10.48550/arXiv.2006.16971.
    .. [2] Wang et al. (2021), "Tent: fully test-time adaptation by entropy minimization", ICLR,
       https://doi.org/10.48550/arXiv.2006.10726.
    .. [3] Liang et al. (2020), "Do we really need to access the source data? Source hypothesis
       transfer for unsupervised domain adaptation", ICML,
       https://doi.org/10.48550/arXiv.2002.08546.
    """
    if name not in BASELINES:
        raise ValueError(f"name must be one of {sorted(BASELINES)}, got {name!r}")
    return TestTimeAdapter(classifier, **BASELINES[name] | settings)


class RestandardisedPipeline(ClassifierMixin, BaseEstimator):
    """A fitted pipeline whose `StandardScaler` is refitted to what comes, without labels.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted, with one `StandardScaler` among its steps. It stays as it is.

    Examples
    --------
    Features that are all shifted:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    >>> pipeline.predict(X + 9).tolist()
    [1, 1, 1, 1]
    >>> RestandardisedPipeline(pipeline).partial_fit(X + 9).predict(X + 9).tolist()
    [0, 0, 1, 1]
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def partial_fit(self, X: Any, y: None = None) -> "RestandardisedPipeline":
        """Add features, (n_samples, n_features), to mean and spread.

        Raises `TypeError` if labels are given.
        """
        _no_labels(y)
        place = self._place()
        features = self.pipeline[:place].transform(X) if place else np.asarray(X)
        if not hasattr(self, "scaler_"):
            given = self.pipeline[place]
            self.scaler_ = StandardScaler(with_mean=given.with_mean, with_std=given.with_std)
        self.scaler_.partial_fit(features)
        return self

    def fit(self, X: Any, y: None = None) -> "RestandardisedPipeline":
        """Take mean and spread of a whole set, (n_samples, n_features), forgetting the past."""
        _no_labels(y)
        return self.reset().partial_fit(X)

    def reset(self) -> "RestandardisedPipeline":
        """Return to the unadapted pipeline."""
        self.__dict__.pop("scaler_", None)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the pipeline's most probable class of each sample, (n_samples,)."""
        place = self._place()
        if not hasattr(self, "scaler_"):
            return np.asarray(self.pipeline.predict(X))
        features = self.pipeline[:place].transform(X) if place else np.asarray(X)
        return np.asarray(self.pipeline[place + 1 :].predict(self.scaler_.transform(features)))

    @property
    def classes_(self) -> np.ndarray:
        """Classes of the pipeline, (n_classes,)."""
        return np.asarray(self.pipeline.classes_)

    def _place(self) -> int:
        if not isinstance(self.pipeline, Pipeline):
            raise TypeError(f"pipeline must be a Pipeline, got {type(self.pipeline).__name__}")
        places = [
            i for i, (_, step) in enumerate(self.pipeline.steps) if isinstance(step, StandardScaler)
        ]
        if len(places) != 1:
            raise ValueError(
                f"pipeline must have one StandardScaler, got {len(places)} in "
                f"{[name for name, _ in self.pipeline.steps]}"
            )
        check_is_fitted(self.pipeline)
        return places[0]
