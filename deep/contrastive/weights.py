"""Published weights of PANNs, from files into networks."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deep.audio.log_mel import mel_filters
from deep.contrastive.panns import BACKBONES, PANNs, front_of
from deep.contrastive.torch_files import read_torch

# Contents of the files that are rebuilt here: the front end, and counters of batches.
_FRONT = ("spectrogram_extractor.", "logmel_extractor.")
_FILTERS = "logmel_extractor.melW"


def read_weights(path: str | Path, key: str | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a file of weights.

    Parameters
    ----------
    path : path
        File of safetensors, by its suffix, or one that was saved with PyTorch.
    key : str, optional
        Entry of a checkpoint, see `deep.contrastive.torch_files.read_torch`.

    Returns
    -------
    arrays : dict of str to ndarray
        By name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read safely.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        return read_torch(path, key)
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return dict(load_file(path))
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read into NumPy as safetensors: {error}") from error


def rate_of(arrays: dict[str, np.ndarray], where: str) -> float:
    """Find the sampling rate of weights of PANNs in hertz, by their mel filters: 32000 or 16000.

    32000 where the file, called `where` in errors, has no filters. Raises `ValueError` if the
    filters are those of another front end.
    """
    if _FILTERS not in arrays:
        return 32000.0
    stored = arrays[_FILTERS]
    for sfreq in (32000.0, 16000.0):
        front = front_of(sfreq, published=True)
        args = (front[name] for name in ("sfreq", "n_fft", "n_mels", "f_min", "f_max"))
        filters = mel_filters(*args)
        if stored.shape == filters.shape and np.allclose(stored, filters, atol=1e-5):
            return sfreq
    raise ValueError(
        f"{where} has mel filters of shape {stored.shape} that are not those of PANNs at "
        "32 or 16 kHz"
    )


def with_weights(
    model: PANNs, state: eqx.nn.State, arrays: dict[str, np.ndarray], backbone: str, where: str
) -> tuple[PANNs, eqx.nn.State]:
    """Put published weights and running statistics into a network of full width and its state.

    The network may have tags or not; `backbone` and `where` are the names of network and file in
    errors. Raises `ValueError`, which names the arrays that do not fit, for weights of another
    network.
    """
    places = _places(model)
    wanted = {name: shape for name, (shape, _) in places.items()}
    given = {
        name: array for name, array in arrays.items()
        if not name.startswith(_FRONT) and not name.endswith("num_batches_tracked")
    }  # fmt: skip
    if model.tags is None:
        given = {k: v for k, v in given.items() if not k.startswith("fc_audioset.")}
    missing, unknown = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    other = [
        f"{name} {given[name].shape} and not {wanted[name]}"
        for name in wanted
        if name in given and given[name].shape != wanted[name]
    ]
    if missing or unknown or other:
        raise ValueError(
            f"{where} does not hold the weights of {backbone}: missing {_some(missing)}, unknown "
            f"{_some(unknown)}, of another shape {_some(other)}"
        )
    for name, (_, put) in places.items():
        model, state = put(model, state, jnp.asarray(given[name], jnp.float32))
    return model, state


def n_published(backbone: str) -> int:
    """Count the parameters of a published network, with its tags.

    Examples
    --------
    >>> n_published("cnn6"), n_published("cnn10"), n_published("cnn14")
    (4837455, 5219279, 80753615)
    """
    from deep.contrastive.panns import N_TAGS
    from deep.training.trees import n_parameters

    model, _ = eqx.filter_eval_shape(
        eqx.nn.make_with_state(PANNs), backbone, front_of(32000, True), n_tags=N_TAGS,
        key=jax.random.key(0),
    )  # fmt: skip
    return n_parameters(jax.tree.map(_as_array, model))


def _as_array(leaf: Any) -> Any:
    # Of a description, one that has its size and takes no memory.
    return np.broadcast_to(np.float32(0), leaf.shape) if hasattr(leaf, "shape") else leaf


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return (", ".join(names[:6]) or "nothing") + more


def _places(model: PANNs) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Shape of each array in a file, and the function that puts it into the network."""
    places: dict[str, tuple[tuple[int, ...], Any]] = {}

    def weight(name: str, where: Any, turned: tuple[int, ...] | None = None) -> None:
        shape = where(model).shape
        axes = tuple(range(len(shape))) if turned is None else turned
        of_file = [0] * len(shape)
        for axis, file_axis in enumerate(axes):
            of_file[file_axis] = shape[axis]

        def put(model: PANNs, state: Any, array: jax.Array) -> tuple[PANNs, Any]:
            return eqx.tree_at(where, model, array.transpose(axes)), state

        places[name] = tuple(of_file), put

    def norm(name: str, where: Any) -> None:
        weight(f"{name}.weight", lambda m: where(m).weight)
        weight(f"{name}.bias", lambda m: where(m).bias)

        def statistic(i: int) -> Any:
            def put(model: PANNs, state: Any, array: jax.Array) -> tuple[PANNs, Any]:
                both = list(state.get(where(model).index))
                both[i] = array
                return model, state.set(where(model).index, tuple(both))

            return put

        shape = where(model).weight.shape
        places[f"{name}.running_mean"] = shape, statistic(0)
        places[f"{name}.running_var"] = shape, statistic(1)

    norm("bn0", lambda m: m.norm)
    for b, block in enumerate(model.blocks):
        for c in range(len(block.convolutions)):
            name = f"conv_block{b + 1}"
            # From (outputs, inputs, times, bands) to (times, bands, inputs, outputs).
            weight(
                f"{name}.conv{c + 1}.weight",
                lambda m, b=b, c=c: m.blocks[b].convolutions[c].weight,
                (2, 3, 1, 0),
            )
            norm(f"{name}.bn{c + 1}", lambda m, b=b, c=c: m.blocks[b].norms[c])
    for name, where in (("fc1", lambda m: m.dense), ("fc_audioset", lambda m: m.tags)):
        if where(model) is not None:
            weight(f"{name}.weight", lambda m, where=where: where(m).weight, (1, 0))
            weight(f"{name}.bias", lambda m, where=where: where(m).bias)
    return places


def published_layout(backbone: str, n_tags: int = 527) -> dict[str, tuple[int, ...]]:
    """List names and shapes of the arrays in files of a published network, without the front end.

    Examples
    --------
    >>> published_layout("cnn6")["conv_block1.conv1.weight"]
    (64, 1, 5, 5)
    """
    if backbone not in BACKBONES:
        raise ValueError(f"backbone must be one of {sorted(BACKBONES)}, got {backbone!r}")
    model, _ = eqx.filter_eval_shape(
        eqx.nn.make_with_state(PANNs), backbone, front_of(32000, True), n_tags=n_tags,
        key=jax.random.key(0),
    )  # fmt: skip
    return {name: shape for name, (shape, _) in _places(model).items()}
