"""Digests in stored files, by which damage is noticed before anything is computed with it."""

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
    """Write something as JSON that carries its digest.

    Parameters
    ----------
    name : str
        What it is the content of, so that a file under another file's name is noticed.
    content : object
        Of strings, numbers, lists and dicts.

    Returns
    -------
    text : str
        For `opened`.
    """
    body = json.dumps(content)
    digest = hashlib.sha256(f"{name}\n{body}".encode()).hexdigest()
    return f'{{"version": 2, "sha256": "{digest}", "content": {body}}}'


def opened(name: str, text: str) -> Any:
    """Read what `sealed` wrote.

    Parameters
    ----------
    name : str
        As given to `sealed`.
    text : str
        What it returned.

    Returns
    -------
    content : object
        As given to `sealed`.

    Raises
    ------
    ValueError
        If as much as one bit is another.

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
    """Refuse JSON that is too long or too deeply nested to be read, before it is read.

    Parameters
    ----------
    text : str
        JSON.

    Raises
    ------
    ValueError
        If it is.
    """
    if len(text) > MOST_TEXT:
        raise ValueError(f"its text has {len(text)} characters, more than {MOST_TEXT}")
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > MOST_NESTED:
            raise ValueError(f"its text nests more than {MOST_NESTED} lists and dicts")


def digest_of(texts: Iterable[str], arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """Compute the digest of texts and named arrays.

    Parameters
    ----------
    texts : iterable of str
        Texts.
    arrays : iterable of tuple of str and ndarray
        Names and arrays, sorted by name, each contiguous in the order of C.

    Returns
    -------
    digest : str
        SHA-256 of all texts, names, types, shapes and values.
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\n{text}\n".encode())
    for name, array in arrays:
        digest.update(f"{name}\n{array.dtype.str}\n{array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def contiguous(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    """Lay arrays out in the order of C, in which safetensors writes them whatever their order is.

    Parameters
    ----------
    arrays : dict of str to array
        Arrays.

    Returns
    -------
    arrays : dict of str to ndarray
        The same values, sorted by name; copies only where the order was another.
    """
    # Not ascontiguousarray, which gives a number an axis.
    return {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
