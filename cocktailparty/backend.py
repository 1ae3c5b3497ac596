"""Array library of the inputs, and transfers between host and GPU.

No state: the namespace follows from the arrays of each call. Apart from the CUDA kernels, this is
the only module that names CuPy.
"""

import sys
from numbers import Real
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np


def namespace(*arrays: Any) -> ModuleType:
    """Array-API namespace of all given arrays: NumPy's, or CuPy's; numbers and None are skipped.

    Raises a TypeError if the arrays belong to different libraries: nothing is moved silently.

    Examples
    --------
    >>> import numpy as np
    >>> namespace(np.ones(3)).asarray([1.0])
    array([1.])
    """
    library: ModuleType = array_api_compat.array_namespace(*arrays)
    return library


def is_array(x: Any) -> bool:
    """Tell whether something is an array of NumPy, CuPy or another array library."""
    return bool(array_api_compat.is_array_api_obj(x))


def as_array(x: Any, what: str = "the array") -> Any:
    """Leave an array where it is and turn anything else into a NumPy array.

    `x` is an array of any library, a table or column of pandas, or a (nested) sequence of numbers
    or arrays. A column becomes (n_rows,), a table (n_rows, n_columns), with NaN where pandas has a
    missing number. An object array that holds nothing but real numbers gets their dtype. `what`
    names the argument in messages.

    Raises a ValueError if values are masked (what lies under a mask is no data) or if the rows of
    a sequence differ in length.

    Examples
    --------
    >>> as_array([1, 2])
    array([1, 2])
    >>> as_array(np.ma.masked_greater([1.0, 9.0], 5), "eeg")
    Traceback (most recent call last):
    ...
    ValueError: eeg has 1 masked value(s): fill them, as with interpolated values or
    x.filled(value), or cut them out
    """
    if isinstance(x, np.ma.MaskedArray):
        return _unmasked(x, what)
    if is_pandas(x):
        x = _from_pandas(x)
    elif not is_array(x):
        x = _stacked(x, what)
    return _typed(x, what) if holds_objects(x) else x


def is_pandas(x: Any) -> bool:
    """Tell whether something is a table, column or index of pandas, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(
        x, pandas.Series | pandas.DataFrame | pandas.Index | pandas.api.extensions.ExtensionArray
    )


def holds_objects(x: Any) -> bool:
    """Tell whether something is an array, or column of pandas, whose items are Python objects."""
    dtype = getattr(x, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def is_cupy(x: Any) -> bool:
    """Tell whether an array lives on the GPU as a CuPy array, without importing CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(x, cupy.ndarray)


def to_numpy(x: Any, what: str = "the array") -> np.ndarray:
    """Copy an array to the host, or pass a NumPy array through.

    Takes whatever `as_array` takes, and raises a ValueError as it does; `what` names the argument.
    """
    return x.get() if is_cupy(x) else np.asarray(as_array(x, what))


def to_device(x: Any, device: str | None) -> Any:
    """Move an array to "cuda" (CuPy) or "cpu" (NumPy); None leaves it where it is.

    Raises a ValueError if the device is unknown, a RuntimeError if "cuda" is asked for and no GPU
    can be used.
    """
    if device is None:
        return x
    if device == "cpu":
        return to_numpy(x)
    if device != "cuda":
        raise ValueError(f"device must be None, 'cpu' or 'cuda', got {device!r}")
    if not gpu_available():
        raise RuntimeError(
            "device='cuda' needs CuPy and a CUDA GPU; run `cocktailparty doctor` to see what is "
            "missing, or leave device=None"
        )
    import cupy

    return cupy.asarray(x)


def gpu_available() -> bool:
    """Tell whether CuPy is installed and sees a CUDA device.

    Importing CuPy succeeds on machines without one, so the import alone proves nothing.
    """
    try:
        import cupy
    except ImportError:
        return False
    return bool(cupy.is_available())


def gpu_description() -> str:
    """Describe the GPU in words: name, memory and CuPy version, or why there is none."""
    try:
        import cupy
    except ImportError:
        return "none (CuPy is not installed)"
    if not cupy.is_available():
        return f"none (CuPy {cupy.__version__} finds no CUDA device)"
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    gib = properties["totalGlobalMem"] / 2**30
    return f"{properties['name'].decode()}, {gib:.0f} GiB, CuPy {cupy.__version__}"


def _unmasked(x: Any, what: str) -> np.ndarray:
    n = int(np.ma.getmaskarray(x).sum())
    if n:
        raise ValueError(
            f"{what} has {n} masked value(s): fill them, as with interpolated values or "
            "x.filled(value), or cut them out"
        )
    return np.asarray(x.data)


def _from_pandas(x: Any) -> np.ndarray:
    numeric = sys.modules["pandas"].api.types.is_numeric_dtype
    values: np.ndarray = x.to_numpy()
    kinds = list(x.dtypes) if x.ndim == 2 else [x.dtype]
    if values.dtype == object and all(map(numeric, kinds)):
        values = x.to_numpy(dtype=float, na_value=np.nan)
    return values


def _without_wraps(x: Any, what: str) -> Any:
    """Sequence with arrays for masked arrays and columns: NumPy would drop masks in silence."""
    if not isinstance(x, list | tuple):
        return x
    items = [item if isinstance(item, float | int) else _without_wraps(item, what) for item in x]
    return [
        as_array(item, what) if isinstance(item, np.ma.MaskedArray) or is_pandas(item) else item
        for item in items
    ]


def _stacked(x: Any, what: str) -> np.ndarray:
    x = _without_wraps(x, what)
    try:
        return np.asarray(x)
    except ValueError:
        raise ValueError(f"{what} must be an array of numbers, its rows differ in length") from None


def _typed(x: np.ndarray, what: str) -> np.ndarray:
    """Array of objects with the dtype of what it holds, if that is numbers or arrays of them."""
    items = x.ravel().tolist()
    if all(isinstance(item, Real) and not isinstance(item, bool) for item in items):
        return x.astype(float)
    if x.ndim == 1 and any(is_array(item) or is_pandas(item) for item in items):
        return _stacked(items, what)
    return x
