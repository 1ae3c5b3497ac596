"""Lists of signals, one for each trial, as input and output of regressors.

One rule for all containers: what is listed is trials, and an array is one trial, unless it has
three axes or holds arrays. A trial of one axis is one channel, or one feature.
"""

from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, check_X_y, validate_data

from cocktailparty.backend import as_array, holds_objects, is_array, is_pandas
from cocktailparty.validation import check_finite, check_time_first, float_array


def is_list(X: Any, y: Any = None, n_inputs: int | None = None) -> bool:
    """Tell several trials from the samples of a single one.

    Trials are a list or tuple, an array or column of pandas that holds arrays, or an array of three
    axes. Nested lists of numbers, and object arrays of two axes, are trials as well, unless `y` or
    `n_inputs` says that they are the rows of a single matrix, as scikit-learn may give them: `y`
    has one number for each row, or one row of another length, or all rows have `n_inputs` numbers.

    Examples
    --------
    >>> import numpy as np
    >>> is_list([np.zeros((10, 2))]), is_list(np.zeros((4, 10, 2))), is_list(np.zeros((10, 2)))
    (True, True, False)
    >>> is_list([np.zeros(10), np.zeros(8)]), is_list([0.0, 1.0, 2.0])
    (True, False)
    >>> is_list([[0.0, 1.0], [2.0, 3.0]]), is_list([[0.0, 1.0], [2.0, 3.0]], y=[0.0, 1.0])
    (True, False)
    """
    if isinstance(X, list | tuple):
        if X and all(isinstance(x, list | tuple) and _numbers(x[:1]) for x in X):
            return _rows_are_trials({len(x) for x in X}, y, n_inputs)
        return not X or not _numbers(X)
    if holds_objects(X) and X.ndim == 2:
        return _rows_are_trials({X.shape[1]}, y, n_inputs)
    if holds_objects(X) and X.ndim == 1:
        return not _numbers(X)
    return getattr(X, "ndim", 2) == 3


def _rows_are_trials(lengths: set[int], y: Any, n_inputs: int | None) -> bool:
    if y is None:
        return lengths != {n_inputs}
    if is_list(y):
        return True
    return np.ndim(y) == 2 and lengths == {np.shape(y)[1]}


def _numbers(items: Any) -> bool:
    return len(items) > 0 and all(isinstance(item, Number) for item in items)


def check_lists(
    estimator: Any, X: Any, y: Any = None, reset: bool = True
) -> tuple[list[Any], list[Any]]:
    """Check the trials of a regressor, and list them.

    Inputs (n_times, n_inputs) and outputs, of one or two axes, are given as floating-point arrays
    of the library that they came in; there are no outputs without `y`. With `reset` the estimator
    learns the number of inputs from the first trial, otherwise it is compared. Raises ValueError if
    an array is no signal, has masked values or its channels in rows, or if numbers of trials,
    samples, inputs or outputs disagree.
    """
    several = is_list(X, y, None if reset else estimator.n_features_in_)
    X = _listed(X, "X") if several else [X]
    if y is not None:
        if is_list(y) and not several:
            raise ValueError(
                f"y holds {len(y)} trials but X is one array of shape {np.shape(X[0])}: pass both "
                "as lists of trials, or both as arrays"
            )
        y = _listed(y, "y") if several else [y]
        if len(X) != len(y):
            raise ValueError(f"X has {len(X)} trials but y has {len(y)}")
    if len(X) == 0:
        raise ValueError("no trials were given")
    inputs, outputs = [], []
    for i, x in enumerate(X):
        number = f"[{i}]" if several else ""
        x = _input(x, f"X{number}", several)
        s = None if y is None else _output(y[i], f"y{number}", x, f"X{number}")
        own = is_array(x) and not isinstance(x, np.ndarray)
        check = _check_device if own else _check_host
        x, s = check(estimator, x, s, reset and i == 0)
        inputs.append(x)
        if y is not None:
            outputs.append(s)
    if len({s.ndim for s in outputs}) > 1:
        outputs = [s[:, None] if s.ndim == 1 else s for s in outputs]
    widths = sorted({s.shape[1:] for s in outputs})
    if len(widths) > 1:
        raise ValueError(
            "the outputs of the trials differ in their number of features: "
            f"{[width[0] for width in widths]}"
        )
    return inputs, outputs


def _listed(trials: Any, what: str) -> list[Any]:
    """Trials one by one: items of a list, rows of an array."""
    if holds_objects(trials):
        trials = list(trials) if trials.ndim == 1 else as_array(trials, what)
    if isinstance(trials, list | tuple):
        return list(trials)
    trials = as_array(trials, what)
    if trials.ndim == 0:
        raise ValueError(f"{what} must be a list of trials, got {type(trials).__name__}")
    return [trials[i, ...] for i in range(trials.shape[0])]


def _input(x: Any, what: str, listed: bool) -> Any:
    """Input of a trial with two axes, or the error that names its shape and what to change."""
    if issparse(x):
        return x  # scikit-learn says what to do
    original = x
    if not is_pandas(x) or x.ndim == 1:
        x = as_array(x, what)
    if x.ndim == 1 and listed:
        return x[:, None]
    if x.ndim == 0 or x.ndim > 2:
        came = tuple(x.shape) if x.ndim else type(original).__name__
        raise ValueError(
            f"{what} must have shape (n_times, n_inputs), got {came}: several trials are a list of "
            "such arrays"
        )
    if x.ndim == 1:
        raise ValueError(
            f"{what} must have shape (n_times, n_inputs), got {tuple(x.shape)}. Reshape your data: "
            "a single channel or envelope is X[:, None], or one of a list of trials"
        )
    return x


def _output(y: Any, what: str, x: Any, what_x: str) -> Any:
    """Output of a trial with as many rows as its input."""
    y = as_array(y, what)
    if y.ndim not in (1, 2):
        raise ValueError(
            f"{what} must have shape (n_times, n_outputs) or (n_times,), got {tuple(y.shape)}"
        )
    n_x, n_y = x.shape[0], y.shape[0]
    if n_x != n_y:
        # The one with fewer rows may have its time along the second axis.
        if n_x < n_y:
            check_time_first(x.shape, what_x, n_y)
        elif y.ndim == 2:
            check_time_first(y.shape, what, n_x)
        raise ValueError(
            f"{what_x} and {what} have inconsistent numbers of samples, {n_x} and {n_y}: expected "
            f"one row for each of {n_x} samples"
        )
    check_time_first(x.shape, what_x)
    return y


def _check_host(estimator: Any, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
    kind: dict = {"dtype": [np.float64, np.float32]}
    together: dict = {"multi_output": True, "y_numeric": True}
    named = is_pandas(x) and all(isinstance(name, str) for name in x.columns)
    if reset or (named and hasattr(estimator, "feature_names_in_")):
        if y is None:
            return validate_data(estimator, x, reset=reset, **kind), None
        return validate_data(estimator, x, y, reset=reset, **together, **kind)
    # Names are compared where both sides have some: an array of the same data is no mistake.
    x = x if issparse(x) else as_array(x, "X")
    if y is None:
        x = check_array(x, estimator=estimator, input_name="X", **kind)
    else:
        x, y = check_X_y(x, y, estimator=estimator, **together, **kind)
    _check_width(estimator, x)
    return x, y


def _check_device(estimator: Any, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
    """Check arrays of other libraries, which scikit-learn would move to the host or refuse."""
    x = float_array(x, "X")
    check_finite(x, "X")
    if reset:
        estimator.n_features_in_ = x.shape[1]
    else:
        _check_width(estimator, x)
    if y is None:
        return x, None
    y = float_array(y, "y")
    check_finite(y, "y")
    return x, y


def _check_width(estimator: Any, x: Any) -> None:
    n_inputs = estimator.n_features_in_
    if x.shape[1] == n_inputs:
        return
    turned = ": does its time run along the second axis? Pass its transpose, .T"
    raise ValueError(
        f"X has {x.shape[1]} features, but {type(estimator).__name__} is expecting "
        f"{n_inputs} features as input{turned if x.shape[0] == n_inputs else ''}"
    )
