"""Checkpoints that let a killed training resume."""

import hashlib
import json
import warnings
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cocktailparty.digests import check_text, contiguous, digest_of
from cocktailparty.files import remove_leftovers, replacing

_FORMAT = "cocktailparty-checkpoint"


class Checkpoint:
    """File of one training, whose name is a hash of all that decides the result.

    `folder` is made if it is missing; None keeps nothing. `decided_by` holds settings and digests
    of the data, see `describe`: a training with other settings has another file.
    """

    def __init__(self, folder: str | Path | None, decided_by: dict[str, Any]) -> None:
        self.path: Path | None = None
        if folder is not None:
            text = json.dumps(describe(decided_by), sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:32]
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.path = Path(folder) / f"{name}.safetensors"
            remove_leftovers(Path(folder), "[0-9a-f]{32}", ".safetensors", any_stem=True)

    def load(self) -> tuple[dict[str, list[np.ndarray]], dict[str, Any]] | None:
        """Read the groups of arrays and the notes that were saved last, as given to `save`.

        None if there is no file, or a damaged one, of which a `UserWarning` names the path.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                return _content(file)
        except (SafetensorError, KeyError, ValueError) as error:
            warnings.warn(
                f"checkpoint {self.path} is damaged ({error}): the training starts anew",
                stacklevel=2,
            )
            return None

    def save(self, groups: dict[str, list[Any]], notes: dict[str, Any]) -> None:
        """Replace the saved state, or leave it untouched.

        `groups` are lists of arrays by name, `notes` what JSON can hold.
        """
        if self.path is None:
            return
        arrays = contiguous(
            {
                f"{group}.{i}": array
                for group, arrays in groups.items()
                for i, array in enumerate(arrays)
            }
        )
        header = {
            "format": _FORMAT,
            "groups": json.dumps({group: len(arrays) for group, arrays in groups.items()}),
            "notes": json.dumps(notes),
        }
        header["sha256"] = digest_of(_texts(header), arrays.items())
        try:
            with replacing(self.path) as temporary:
                save_file(arrays, temporary, header)
        except SafetensorError as error:
            raise OSError(f"checkpoint {self.path} cannot be written: {error}") from error

    def remove(self) -> None:
        """Remove the file of a finished training."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _content(file: Any) -> tuple[dict[str, list[np.ndarray]], dict[str, Any]]:
    """Arrays and notes of an open file, if they are what was written."""
    header = file.metadata() or {}
    if header.get("format") != _FORMAT:
        raise ValueError("it is not a checkpoint")
    if set(header) - {"sha256"} != {"format", "groups", "notes"}:
        raise ValueError(f"its header holds {sorted(header)}")
    arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    # Files of earlier versions have no digest.
    if "sha256" in header and header["sha256"] != digest_of(_texts(header), arrays.items()):
        raise ValueError("its digest is that of another content")
    for text in _texts(header):
        check_text(text)
    sizes = json.loads(header["groups"])
    groups = {group: [arrays[f"{group}.{i}"] for i in range(n)] for group, n in sizes.items()}
    return groups, json.loads(header["notes"])


def _texts(header: dict[str, str]) -> list[str]:
    return [header["groups"], header["notes"]]


def describe(value: Any) -> Any:
    """Describe settings for JSON, in the same words in every process.

    Takes numbers, strings, None, functions, data classes, and lists, tuples and dicts of them;
    raises `TypeError` for anything whose description would differ in another process.

    Examples
    --------
    >>> describe({"loss": describe, "sizes": (1, 2)})
    {'loss': 'deep.training.checkpoints.describe', 'sizes': [1, 2]}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    name = getattr(value, "__qualname__", "")
    if name and "<" not in name:
        return f"{value.__module__}.{name}"
    if is_dataclass(value):
        content = {field.name: describe(getattr(value, field.name)) for field in fields(value)}
        return [describe(type(value)), content]
    raise TypeError(
        f"{value!r} cannot be told from others in another process, which a checkpoint needs: use "
        "a function of a module or a data class"
    )
