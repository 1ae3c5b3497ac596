"""Which array library the inputs belong to, and how arrays get to the GPU and back.

No state: the namespace follows from the arrays of each call. This is the only module, besides
the CUDA kernels, that names CuPy.
"""

import sys
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np


def namespace(*arrays: Any) -> ModuleType:
    """Array library that all given arrays belong to.

    Parameters
    ----------
    *arrays : array
        Arrays of one library; numbers and None are skipped.

    Returns
    -------
    module
        The array-API namespace: NumPy's, or CuPy's for CuPy arrays.

    Raises
    ------
    TypeError
        If the arrays belong to different libraries: nothing is moved silently.

    Examples
    --------
    >>> import numpy as np
    >>> namespace(np.ones(3)).asarray([1.0])
    array([1.])
    """
    found: ModuleType = array_api_compat.array_namespace(*arrays)
    return found


def is_array(x: Any) -> bool:
    """Tell whether something is an array of any library.

    Parameters
    ----------
    x : object
        Anything.

    Returns
    -------
    bool
        True for an array of NumPy, CuPy or another array library.
    """
    return bool(array_api_compat.is_array_api_obj(x))


def as_array(x: Any) -> Any:
    """Leave an array where it is and turn anything else into a NumPy array.

    Parameters
    ----------
    x : array or nested sequence of numbers
        Array of any library, or Python numbers.

    Returns
    -------
    array
        The same array, or a new NumPy array.

    Examples
    --------
    >>> as_array([1, 2])
    array([1, 2])
    """
    return x if is_array(x) else np.asarray(x)


def is_cupy(x: Any) -> bool:
    """Tell whether an array lives on the GPU as a CuPy array.

    Parameters
    ----------
    x : object
        Anything.

    Returns
    -------
    bool
        True for a CuPy array; CuPy is not imported to find out.
    """
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(x, cupy.ndarray)


def to_numpy(x: Any) -> np.ndarray:
    """Copy an array to the host, or pass a NumPy array through.

    Parameters
    ----------
    x : array
        NumPy or CuPy array, or nested sequence of numbers.

    Returns
    -------
    ndarray
        The same numbers on the host.
    """
    return x.get() if is_cupy(x) else np.asarray(x)


def to_device(x: Any, device: str | None) -> Any:
    """Move an array to a device.

    Parameters
    ----------
    x : array
        NumPy or CuPy array.
    device : {None, "cpu", "cuda"}
        Where the array should be; None leaves it where it is.

    Returns
    -------
    array
        CuPy array for "cuda", NumPy array for "cpu".

    Raises
    ------
    ValueError
        If the device is unknown.
    RuntimeError
        If "cuda" is asked for and no GPU can be used.
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

    Returns
    -------
    bool
        True if arrays can be put on a GPU. Importing CuPy succeeds on machines without one, so
        the import alone proves nothing.
    """
    try:
        import cupy
    except ImportError:
        return False
    return bool(cupy.is_available())


def gpu_description() -> str:
    """Describe the GPU in words, for reports.

    Returns
    -------
    str
        Name and memory of the first device with the CuPy version, or why there is none.
    """
    try:
        import cupy
    except ImportError:
        return "none (CuPy is not installed)"
    if not cupy.is_available():
        return f"none (CuPy {cupy.__version__} finds no CUDA device)"
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    gib = properties["totalGlobalMem"] / 2**30
    return f"{properties['name'].decode()}, {gib:.0f} GiB, CuPy {cupy.__version__}"
