"""Where networks compute, and how arrays get there."""

from typing import Any

import jax
import numpy as np

from cocktailparty.backend import is_cupy, namespace


def choose_device(device: str | None = None) -> jax.Device:
    """Find the device that networks compute on.

    Parameters
    ----------
    device : {None, "cpu", "cuda"}
        None for a GPU if JAX sees one, else the processor.

    Returns
    -------
    jax.Device
        First device of that kind.

    Raises
    ------
    ValueError
        If the device is unknown.
    RuntimeError
        If "cuda" is asked for and JAX sees no GPU.

    Examples
    --------
    >>> choose_device("cpu").platform
    'cpu'
    """
    if device not in (None, "cpu", "cuda"):
        raise ValueError(f"device must be None, 'cpu' or 'cuda', got {device!r}")
    try:
        chosen: jax.Device = jax.devices(device)[0]
    except RuntimeError as error:
        raise RuntimeError(
            f"device={device!r} cannot be used by JAX ({error}): install jax[cuda13] or "
            "jax[cuda12] on a machine with a CUDA GPU, or leave device=None"
        ) from error
    return chosen


def to_jax(x: Any, device: jax.Device) -> jax.Array:
    """Put an array on a device; numbers of double precision become single.

    Parameters
    ----------
    x : array
        NumPy, CuPy or JAX array. A CuPy array is handed over on its GPU without a copy.
    device : jax.Device
        From `choose_device`.

    Returns
    -------
    jax.Array
        The same numbers.
    """
    if is_cupy(x):
        x = jax.dlpack.from_dlpack(x.astype(np.float32) if x.dtype == np.float64 else x)
    return jax.device_put(x, device)


def to_library_of(x: jax.Array, like: Any) -> Any:
    """Hand a result over to the array library of an input.

    Parameters
    ----------
    x : jax.Array
        Result.
    like : array
        Input of NumPy or CuPy.

    Returns
    -------
    array
        CuPy array, without a copy if `x` is on the GPU, or NumPy array.
    """
    if not is_cupy(like):
        return np.asarray(x)
    xp = namespace(like)
    return (
        xp.from_dlpack(x)
        if next(iter(x.devices())).platform == "gpu"
        else xp.asarray(np.asarray(x))
    )
