"""Devices that networks compute on, and transfer of arrays to and from them."""

from typing import Any

import jax
import numpy as np

from cocktailparty.backend import is_cupy, namespace


def choose_device(device: str | None = None) -> jax.Device:
    """Find the device to compute on: "cpu", "cuda", or None for a GPU if JAX sees one.

    Raises `ValueError` for any other name and `RuntimeError` if JAX sees no GPU for "cuda".

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
    """Put a NumPy, CuPy or JAX array on a device; double precision becomes single.

    A CuPy array is handed over on its GPU without a copy.
    """
    if is_cupy(x):
        x = jax.dlpack.from_dlpack(x.astype(np.float32) if x.dtype == np.float64 else x)
    return jax.device_put(x, device)


def to_library_of(x: jax.Array, like: Any) -> Any:
    """Hand a result over to the library of `like`: CuPy, without a copy on a GPU, or NumPy."""
    if not is_cupy(like):
        return np.asarray(x)
    xp = namespace(like)
    return (
        xp.from_dlpack(x)
        if next(iter(x.devices())).platform == "gpu"
        else xp.asarray(np.asarray(x))
    )
