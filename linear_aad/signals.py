"""Lists of signals, one for each trial, as input and output of regressors."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from cocktailparty.backend import is_array
from cocktailparty.validation import check_finite, float_array


def is_list(X: Any) -> bool:
    """Tell a sequence of trials from the samples of a single one.

    Parameters
    ----------
    X : list of arrays or array
        What an estimator was given.

    Returns
    -------
    several : bool
        Whether it holds trials, also as an array of three axes.

    Examples
    --------
    >>> import numpy as np
    >>> is_list([np.zeros((10, 2))]), is_list(np.zeros((4, 10, 2))), is_list(np.zeros((10, 2)))
    (True, True, False)
    """
    if isinstance(X, list | tuple):
        return len(X) == 0 or np.ndim(X[0]) == 2
    return getattr(X, "ndim", 2) == 3


def check_lists(
    estimator: Any, X: Any, y: Any = None, reset: bool = True
) -> tuple[list[Any], list[Any]]:
    """Check the trials of a regressor.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_`, or is asked for it.
    X : list of arrays of shape (n_times, n_inputs), or one such array
        Input.
    y : list of arrays of shape (n_times, n_outputs) or (n_times,), or one such array, optional
        Output.
    reset : bool
        Learn the number of inputs, from the first trial, instead of comparing with it.

    Returns
    -------
    inputs, outputs : list of array
        Floating-point arrays of the library that they came in; no outputs without `y`.

    Raises
    ------
    ValueError
        If an array is no signal, or numbers of trials, samples, inputs or outputs disagree.
    """
    if not is_list(X):
        X, y = [X], None if y is None else [y]
    if y is not None and len(X) != len(y):
        raise ValueError(f"X has {len(X)} trials but y has {len(y)}")
    if len(X) == 0:
        raise ValueError("no trials were given")
    inputs, outputs = [], []
    for i, x in enumerate(X):
        own = is_array(x) and not isinstance(x, np.ndarray)
        check = _check_device if own else _check_host
        x, s = check(estimator, x, None if y is None else y[i], reset and i == 0)
        inputs.append(x)
        if y is not None:
            outputs.append(s)
    if len({s.shape[1:] for s in outputs}) > 1:
        raise ValueError("the outputs of the trials differ in their number of features")
    return inputs, outputs


def _check_host(estimator: Any, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
    kind: dict = {"dtype": [np.float64, np.float32], "reset": reset}
    if y is None:
        return validate_data(estimator, x, **kind), None
    return validate_data(estimator, x, y, multi_output=True, y_numeric=True, **kind)


def _check_device(estimator: Any, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
    """Check arrays of other libraries, which scikit-learn would move to the host or refuse."""
    x = float_array(x, "X")
    if x.ndim != 2:
        raise ValueError(f"X must have shape (n_times, n_inputs), got {x.shape}")
    check_finite(x, "X")
    if reset:
        estimator.n_features_in_ = x.shape[1]
    elif x.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {x.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    if y is None:
        return x, None
    y = float_array(y, "y")
    if y.ndim not in (1, 2) or y.shape[0] != x.shape[0]:
        raise ValueError(
            f"y has shape {y.shape}, expected one row for each of {x.shape[0]} samples"
        )
    check_finite(y, "y")
    return x, y
