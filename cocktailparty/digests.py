"""Digests in stored files, which reveal damage before anything is computed from them."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

#: Longest text that is read, in characters.
MOST_TEXT = 64_000_000
#: Most lists and dicts within each other.
MOST_NESTED = 200
# A whole string of JSON, so that brackets in it are not counted; or a bracket.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def sealed(name: str, content: Any) -> str:
    """Write strings, numbers, lists and dicts as JSON with a digest, for `opened`.

    `name` enters the digest, so that a file under another file's name is noticed.
    """
    body = json.dumps(content)
    digest = hashlib.sha256(f"{name}\n{body}".encode()).hexdigest()
    return f'{{"version": 2, "sha256": "{digest}", "content": {body}}}'


def opened(name: str, text: str) -> Any:
    """Read what `sealed` wrote under the same name; a ValueError if as much as one bit differs.

    Examples
    --------
    >>> opened("fold", sealed("fold", {"S1": [0.5]}))
    {'S1': [0.5]}
    """
    check_text(text)
    document = json.loads(text)
    if not isinstance(document, dict) or "content" not in document:
        raise ValueError("it has no content")
    # Compared letter by letter: some changes, such as of 1e5 to 1E5, leave the content as it was.
    if text != sealed(name, document["content"]):
        raise ValueError("its digest is that of another content")
    return document["content"]


def check_text(text: str) -> None:
    """Raise a ValueError for JSON that is too long or too deeply nested, before it is read."""
    if len(text) > MOST_TEXT:
        raise ValueError(f"its text has {len(text)} characters, more than {MOST_TEXT}")
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > MOST_NESTED:
            raise ValueError(f"its text nests more than {MOST_NESTED} lists and dicts")


def digest_of(texts: Iterable[str], arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """SHA-256 of texts and of the names, types, shapes and values of arrays.

    The arrays come sorted by name, each contiguous in C order, see `contiguous`.
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\n{text}\n".encode())
    for name, array in arrays:
        digest.update(f"{name}\n{array.dtype.str}\n{array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def contiguous(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    """Lay arrays out in C order, sorted by name; copies only where the order was another.

    Safetensors writes the memory of an array as if it were in C order.
    """
    # Not ascontiguousarray, which gives a number an axis.
    return {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
