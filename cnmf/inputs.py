"""Checks of the arguments of a factorisation, before any work is done."""

from numbers import Integral, Real
from typing import Any
from warnings import warn

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from cnmf.objective import CONTRASTS, beta_exponent
from cocktailparty.backend import as_array, is_cupy, is_pandas, namespace
from cocktailparty.validation import check_finite, float_array

INITS = ("guide", "random", "blind")
SCALES = ("relative", "absolute")
NAMES = {
    "contrast": CONTRASTS,
    "init": INITS,
    "penalty_scale": SCALES,
    "extrapolation": (False, True),
}
WEIGHTS = ("contrast_weight", "sparsity_activations", "sparsity_components", "tol")


def check_parameters(parameters: dict[str, Any]) -> float:
    """Check the parameters of `cnmf.ContrastiveNMF`, and give the exponent of the divergence.

    Raises ValueError if one is invalid; it says which, and what is expected.
    """
    for name, known in NAMES.items():
        if parameters[name] not in known:
            raise ValueError(f"{name} must be one of {known}, got {parameters[name]!r}")
    for name in ("n_components", "n_attended", "max_iter"):
        value = parameters[name]
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    if parameters["n_attended"] >= parameters["n_components"]:
        raise ValueError(
            f"n_attended={parameters['n_attended']} must be less than n_components="
            f"{parameters['n_components']}: something has to be left for the other sounds"
        )
    for name in WEIGHTS:
        value = parameters[name]
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a number >= 0, got {value!r}")
    return beta_exponent(parameters["beta_loss"])


def check_spectrogram(estimator: BaseEstimator, X: Any, beta: float, reset: bool) -> Any:
    """Take a spectrogram, or a batch of them, of shape (..., n_frames, n_freqs).

    Gives float32 or float64 on the device where `X` was, never changed in place. The estimator
    learns the number of frequencies if `reset`, otherwise it is asked for it. Raises ValueError if
    the spectrogram is empty, not finite, negative, of wrong shape, or holds zeros and the
    divergence (exponent `beta`) has no value there.
    """
    if not is_pandas(X) and not issparse(X):
        X = as_array(X, "X")
    if np.ndim(X) == 2 and not is_cupy(X):
        X = _matrix(estimator, X, reset)
    elif np.ndim(X) == 2 or np.ndim(X) == 3:
        X = float_array(X, "X")
        check_finite(X, "X")
        if 0 in X.shape:
            raise ValueError(f"X is empty, its shape is {X.shape}")
        if X.dtype != np.float32:
            X = X.astype(np.float64, copy=False)
        if reset:
            estimator.n_features_in_ = X.shape[-1]
        else:
            _check_width(estimator, X)
    else:
        raise ValueError(
            "X must be a 2D array, or 3D with mixtures first, got shape "
            f"{np.shape(X)}. Reshape your data: a single frame has shape (1, n_freqs)"
        )
    xp = namespace(X)
    least = float(xp.min(X))
    if least < 0:
        raise ValueError(
            f"Negative values in data: X must be a spectrogram of magnitudes or powers, its least "
            f"value is {least:g}"
        )
    if beta == 0 and least == 0:
        raise ValueError(
            "beta_loss='itakura-saito' has no value where X is 0: add a small constant to X, or "
            "take another divergence"
        )
    return X


def _matrix(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    kind: dict = {"dtype": [np.float64, np.float32], "order": "C"}
    named = is_pandas(X) and all(isinstance(name, str) for name in X.columns)
    if reset or (named and hasattr(estimator, "feature_names_in_")):
        checked: np.ndarray = validate_data(estimator, X, reset=reset, **kind)
        return checked
    # Names are compared where both sides have some: an array of the same data is no mistake.
    checked = check_array(X, estimator=estimator, input_name="X", **kind)
    _check_width(estimator, checked)
    return checked


def _check_width(estimator: Any, X: Any) -> None:
    if X.shape[-1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {X.shape[-1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )


def check_guide(y: Any, X: Any, contrast: str, n_attended: int) -> Any:
    """Take activations of the attended sound and give them norm 1.

    They have the shape (n_frames,) or (..., n_frames, n_refs). Columns without a positive value
    stay 0 and guide nothing. "paired" takes at most `n_attended` references. Raises ValueError if
    the guide is not finite, negative, or does not fit to `X`.
    """
    y = float_array(y, "y")
    xp = namespace(y, X)
    if y.ndim == X.ndim - 1:
        y = y[..., None]
    if y.shape[:-1] != X.shape[:-1] or y.shape[-1] == 0:
        raise ValueError(
            f"y has shape {tuple(y.shape)} but X has {tuple(X.shape)}: y must hold one row for "
            "each frame of X; bring both to one frame rate, do not cut them"
        )
    check_finite(y, "y")
    if bool(xp.any(y < 0)):
        raise ValueError(
            "y must hold activations, which are not negative; rectify a reconstruction that has "
            "a sign, as in np.maximum(y, 0)"
        )
    if contrast == "paired" and y.shape[-1] > n_attended:
        raise ValueError(
            f"contrast='paired' gives each attended component one reference, but y has "
            f"{y.shape[-1]} columns for n_attended={n_attended}: raise n_attended, merge columns "
            "of y or choose contrast='all-pairs'"
        )
    # Divided by the largest value first, so that squares neither overflow nor vanish.
    largest = xp.max(y, axis=-2, keepdims=True)
    silent = largest == 0
    if bool(xp.any(silent)):
        warn("y has columns that are 0 throughout; they give no guidance", stacklevel=4)
    y = xp.astype(y / xp.where(silent, xp.ones_like(largest), largest), X.dtype)
    norms = xp.linalg.vector_norm(y, axis=-2, keepdims=True)
    return y / xp.where(silent, xp.ones_like(norms), norms)


def check_initial(values: Any, what: str, shape: tuple[int, ...], X: Any, fixed: Any = None) -> Any:
    """Take initial values that the user gave, in the precision of `X`; None stays None.

    A batch may share one matrix. `what` names the argument in messages. Raises ValueError if values
    are not finite, negative, or of wrong shape, or if they are missing though some are `fixed`.
    """
    if values is None:
        if fixed is not None:
            raise ValueError(f"fixed_{what} needs the values that are to be kept: pass {what}")
        return None
    values = float_array(values, what)
    xp = namespace(values, X)
    if tuple(values.shape) not in (shape, shape[-2:]):
        raise ValueError(f"{what} has shape {tuple(values.shape)}, expected {shape}")
    check_finite(values, what)
    if bool(xp.any(values < 0)):
        raise ValueError(f"{what} must not be negative")
    values = xp.broadcast_to(xp.astype(values, X.dtype), shape)
    stuck = values == 0 if fixed is None else (values == 0) & ~fixed
    if bool(xp.any(stuck)):
        warn(
            f"{what} has zeros that are not fixed: multiplicative updates leave 0 slowly if at "
            "all; start from small positive values",
            stacklevel=4,
        )
    return values


def check_fixed(fixed: Any, what: str, shape: tuple[int, ...], X: Any) -> Any:
    """Take a mask of entries that are not to change, and broadcast it to `shape`.

    None where nothing is fixed. `what` names the argument in messages. Raises ValueError if the
    mask is not of bool, or cannot be broadcast.
    """
    if fixed is None:
        return None
    xp = namespace(X)
    fixed = as_array(fixed, what)
    if fixed.dtype != bool:
        raise ValueError(f"{what} must be of bool, got {fixed.dtype}")
    try:
        fixed = xp.broadcast_to(xp.asarray(fixed), shape)
    except ValueError:
        raise ValueError(
            f"{what} has shape {tuple(fixed.shape)}, which cannot be broadcast to {shape}"
        ) from None
    return fixed if bool(xp.any(fixed)) else None
