"""Fitted models in one file: arrays in the safetensors format, the rest as JSON in its header.

Nothing in such a file is ever executed: a class is looked up by name among those of this library
and a few of scikit-learn's, its constructor gets the saved parameters, and its attributes are set.
The header has a digest of everything else, which is checked before anything is built from it.
"""

import importlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from cocktailparty.decoding.pipeline import as_decoder
from cocktailparty.digests import check_text, contiguous, digest_of
from cocktailparty.files import replacing

#: Version of the layout of the file; older ones are read, newer ones refused.
VERSION = 2
_FORMAT = "cocktailparty-model"
_DIGEST = "sha256"
_PACKAGES = ("cocktailparty", "linear_aad", "cnmf", "deep")
# Modules that older files name, and where their classes are now.
_MOVED = {
    "cnmf.evidence": "cocktailparty.separation.evidence",
    "cocktailparty.decoding.following": "cocktailparty.decoding.score_model",
    "deep.optimizers": "deep.training.optimizers",
    "deep.saving": "deep.training.network",
    "deep.siglip": "deep.siglip.estimator",
    "deep.siglip_features": "deep.siglip.features",
    "deep.siglip_inputs": "deep.siglip.inputs",
    "deep.siglip_outputs": "deep.siglip.outputs",
    "deep.siglip.ridge": "deep.siglip.older",
    "deep.siglip_ridge": "deep.siglip.older",
    "deep.siglip_task": "deep.siglip.task",
    "linear_aad.bands": "linear_aad.lagged.bands",
    "linear_aad.following": "cocktailparty.decoding.score_model",
    "linear_aad.lag_choice": "linear_aad.lagged.lag_choice",
    "linear_aad.lagged": "linear_aad.lagged.moments",
    "linear_aad.penalties": "linear_aad.lagged.penalties",
    "linear_aad.systems": "linear_aad.lagged.systems",
}
# Estimators of other libraries that models of this one hold, under their public names.
_FOREIGN = (
    "pyriemann.tangentspace.TangentSpace",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    "sklearn.linear_model.LogisticRegression",
)
# Types of arrays that safetensors stores as they are; others go in as bytes.
_STORED = "?bhilqBHILQefdF"


def save_model(estimator: Any, path: str | Path, extra: Any = None) -> None:
    """Save a fitted estimator to one file, without pickle.

    The file appears under its name when it is complete. Arrays keep their type, shape and memory
    layout, numbers all their digits, so that the loaded model gives the same results bit for bit
    on the same machine.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator of this library, which may hold others of it, data classes of it, a few
        estimators of scikit-learn's, arrays, lists, tuples, dicts, numbers, strings and None.
    path : path
        File to write, such as ``model.safetensors``.
    extra : object, optional
        Something of the same kinds that belongs to the model, see `load_extra`.

    Raises
    ------
    TypeError
        If it is no estimator of this library, or something in it cannot be saved; says where.
    ValueError
        If the estimator is not fitted.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_model : Gives the estimator back.

    Examples
    --------
    >>> import tempfile
    >>> from linear_aad import BackwardTRF
    >>> rng = np.random.default_rng(0)
    >>> eeg, envelope = rng.normal(size=(640, 4)), rng.random((640, 1))
    >>> trf = BackwardTRF(tmax=0.25, sfreq=64).fit(eeg, envelope)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(trf, Path(folder) / "trf.safetensors")
    ...     loaded = load_model(Path(folder) / "trf.safetensors")
    >>> bool((loaded.predict(eeg) == trf.predict(eeg)).all())
    True
    """
    path = Path(path)
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(f"estimator must be an estimator, got {type(estimator).__name__}")
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise ValueError(
            f"this {type(estimator).__name__} is not fitted, there is nothing to save: call fit "
            "first"
        ) from None
    arrays: dict[str, np.ndarray] = {}
    model = {
        "version": VERSION,
        "versions": {
            name: metadata.version(name) for name in ("cocktailparty", "numpy", "scikit-learn")
        },
        "estimator": _encoded(estimator, "estimator", arrays),
        "extra": _encoded(extra, "extra", arrays),
    }
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {path.parent} does not exist: make it first")
    text = json.dumps(model, allow_nan=False)
    try:
        check_text(text)
    except ValueError as error:
        raise ValueError(f"this {type(estimator).__name__} cannot be saved: {error}") from None
    arrays = contiguous(arrays)
    header = {"format": _FORMAT, "model": text, _DIGEST: digest_of([text], arrays.items())}
    try:
        with replacing(path) as temporary:
            save_file(arrays, temporary, header)
    except SafetensorError as error:
        raise OSError(f"model file {path} cannot be written: {error}") from error


def load_model(path: str | Path) -> Any:
    """Load an estimator that `save_model` saved.

    Parameters
    ----------
    path : path
        Model file.

    Returns
    -------
    estimator : estimator
        Fitted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no model file, is damaged, was made by a newer version, or names a class
        that does not belong to this library.
    ImportError
        If a library that the model needs is not installed.
    """
    return _loaded(Path(path), "estimator")


def load_extra(path: str | Path) -> Any:
    """Load what was saved along with an estimator.

    Parameters
    ----------
    path : path
        Model file.

    Returns
    -------
    extra : object
        The `extra` that `save_model` was given; None if there was none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        As for `load_model`.
    """
    return _loaded(Path(path), "extra")


def _encoded(value: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    """Turn a value into what JSON holds; its arrays are added to the others."""

    def items(values: Any) -> list[Any]:
        return [_encoded(item, f"{where}[{i}]", arrays) for i, item in enumerate(values)]

    def named(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _encoded(item, f"{where}.{name}", arrays) for name, item in values.items()}

    value = as_decoder(value)
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"kind": "float", "value": repr(value)}
    if kind is list:
        return items(value)
    if kind is tuple:
        return {"kind": "tuple", "items": items(value)}
    if kind is dict:
        return {"kind": "dict", "keys": items(value), "values": items(value.values())}
    if isinstance(value, np.generic):
        return {"kind": "scalar", "array": _encoded(np.asarray(value), where, arrays)}
    if kind is np.ndarray and value.dtype.kind == "O":
        return {"kind": "objects", "shape": list(value.shape), "items": items(value.ravel())}
    if kind is np.ndarray and value.dtype.names is None:
        return _encoded_array(value, where, arrays)
    name = _class_name(kind)
    if name and isinstance(value, BaseEstimator):
        parameters = value.get_params(deep=False)
        learnt = {key: item for key, item in vars(value).items() if key not in parameters}
        return {"kind": "object", "class": name, "init": named(parameters), "set": named(learnt)}
    if name and is_dataclass(value):
        content = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"kind": "object", "class": name, "init": named(content), "set": {}}
    raise TypeError(
        f"{where} is a {kind.__module__}.{kind.__qualname__}, which cannot be saved: a model may "
        "hold estimators of this library, arrays, lists, tuples, dicts, numbers and strings"
    )


def _encoded_array(x: np.ndarray, name: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    # Sums run in the order of memory, so that a model in another layout would round differently.
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    stored = x.transpose(axes).copy(order="C")
    if not (x.dtype.isnative and x.dtype.char in _STORED):
        stored = np.frombuffer(stored.tobytes(), dtype=np.uint8)
    arrays[name] = stored
    shape = [x.shape[axis] for axis in axes]
    return {"kind": "array", "name": name, "dtype": x.dtype.str, "shape": shape, "axes": axes}


def _class_name(cls: type) -> str:
    """Name under which a class is found again, preferably a public one; empty if not allowed."""
    parts = cls.__module__.split(".")
    if parts[0] not in _PACKAGES:
        return next(
            (n for n in _FOREIGN if n.startswith(f"{parts[0]}.") and _class(n, "") is cls), ""
        )
    # Modules move, the names of packages stay.
    packages = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
    faces = (p for p in packages if getattr(importlib.import_module(p), cls.__name__, None) is cls)
    return f"{next(faces, cls.__module__)}.{cls.__name__}"


def _class(name: str, what: str) -> Any:
    """Class of an allowed name."""
    module, _, attribute = name.rpartition(".")
    module = _MOVED.get(module, module)
    parts = module.split(".")
    if name not in _FOREIGN and (parts[0] not in _PACKAGES or "__main__" in parts):
        raise ValueError(f"{what} names the class {name!r}, which is not one of this library")
    try:
        cls = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        if name in _FOREIGN:
            raise ImportError(f"{what} needs {parts[0]}: pip install {parts[0]}") from error
        # What is missing may be a library that the class needs, such as JAX.
        if not (error.name and module.startswith(error.name)):
            raise
        cls = None
    fit_for_models = isinstance(cls, type) and (issubclass(cls, BaseEstimator) or is_dataclass(cls))
    # A module also has names that it imported, from anywhere.
    homes = _PACKAGES if parts[0] in _PACKAGES else parts[:1]
    if not fit_for_models or cls.__module__.partition(".")[0] not in homes:
        raise ValueError(
            f"{what} names the class {name!r}, which this version of the library does not have"
        )
    return cls


def _loaded(path: Path, section: str) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"model file {path} does not exist: check the path")
    what = f"model file {path}"
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.get("format") != _FORMAT or "model" not in header:
                raise ValueError(
                    f"{path} is not a model file: it was not written by "
                    "cocktailparty.decoding.save_model"
                )
            _check_digest(file, header, what)
            model = json.loads(header["model"])
            if not isinstance(model, dict) or type(model.get("version")) is not int:
                raise KeyError("version")
            if model["version"] > VERSION:
                writer = model.get("versions", {}).get("cocktailparty", "a newer version")
                raise ValueError(
                    f"{what} was made by cocktailparty {writer} in format {model['version']}, this "
                    f"version reads up to {VERSION}: install a newer cocktailparty"
                )
            names = {name for name in file.keys() if name.startswith(section)}  # noqa: SIM118
            reader = _Reader(file.get_tensor, names, what)
            value = reader.decoded(model[section])
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a model file, or was not copied completely ({error})"
        ) from error
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{what} cannot be read ({error!r}): it is damaged, or was made by another version of "
            "cocktailparty"
        ) from error
    if reader.names:
        raise ValueError(
            f"{what} is damaged: it holds array(s) {sorted(reader.names)} that nothing refers to"
        )
    return value


def _check_digest(file: Any, header: dict[str, str], what: str) -> None:
    """Refuse a file that is not as it was written, before its text is read."""
    try:
        check_text(header["model"])
    except ValueError as error:
        raise ValueError(f"{what} is damaged: {error}") from None
    # Files of earlier versions have no digest. A damaged key of it is one that is not expected.
    if set(header) - {_DIGEST} != {"format", "model"}:
        raise ValueError(f"{what} is damaged: its header holds {sorted(header)}")
    arrays = ((name, file.get_tensor(name)) for name in sorted(file.keys()))
    if _DIGEST in header and header[_DIGEST] != digest_of([header["model"]], arrays):
        raise ValueError(
            f"{what} is damaged, its digest is that of another content: copy it again, or train "
            "and save the model once more"
        )


class _Reader:
    """Turns JSON and arrays into values again; `names` are the arrays not yet read."""

    def __init__(self, tensor: Callable[[str], np.ndarray], names: set[str], what: str) -> None:
        self.tensor = tensor
        self.names = names
        self.what = what

    def decoded(self, node: Any) -> Any:
        """Value of a node."""
        if isinstance(node, list):
            return [self.decoded(item) for item in node]
        if not isinstance(node, dict):
            return node
        kind = node["kind"]
        if kind == "float":
            return float(node["value"])
        if kind == "tuple":
            return tuple(self.decoded(node["items"]))
        if kind == "dict":
            keys, values = self.decoded(node["keys"]), self.decoded(node["values"])
            return dict(zip(keys, values, strict=True))
        if kind == "scalar":
            return self.decoded(node["array"])[()]
        if kind == "objects":
            items = np.empty(len(node["items"]), dtype=object)
            for i, item in enumerate(self.decoded(node["items"])):
                items[i] = item
            return items.reshape(node["shape"])
        if kind == "array":
            return self._array(node)
        if kind == "object":
            return self._object(node)
        raise ValueError(f"{self.what} is damaged: it holds something of the kind {kind!r}")

    def _array(self, node: dict[str, Any]) -> np.ndarray:
        name, dtype, shape = node["name"], np.dtype(node["dtype"]), tuple(node["shape"])
        if name not in self.names:
            raise ValueError(f"{self.what} is damaged: the array {name} is missing")
        self.names.remove(name)
        stored = self.tensor(name)
        if stored.dtype == np.uint8 != dtype and stored.size == math.prod(shape) * dtype.itemsize:
            stored = np.frombuffer(bytearray(stored.tobytes()), dtype=dtype).reshape(shape)
        if stored.dtype != dtype or stored.shape != shape:
            raise ValueError(
                f"{self.what} is damaged: the array {name} is {stored.dtype} of shape "
                f"{stored.shape}, expected {dtype} of shape {shape}"
            )
        return stored.transpose(np.argsort(node["axes"]))

    def _object(self, node: dict[str, Any]) -> Any:
        cls = _class(node["class"], self.what)
        # Behaviour from before a parameter existed may differ from its default today.
        parameters = dict(getattr(cls, "_before_parameters", {}))
        parameters.update({name: self.decoded(value) for name, value in node["init"].items()})
        if hasattr(cls, "_from_older"):
            parameters = cls._from_older(parameters)
        instance = cls(**parameters)
        for name, value in node["set"].items():
            if not name.isidentifier() or name.startswith("__") or hasattr(cls, name):
                raise ValueError(
                    f"{self.what} is damaged: {node['class']} has no attribute {name!r}"
                )
            vars(instance)[name] = self.decoded(value)
        # A class that is only kept for older files turns into the one used today.
        return instance._today() if hasattr(instance, "_today") else instance
