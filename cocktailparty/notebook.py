"""What notebooks show of trials, plans, models and results: small tables of escaped HTML."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

# Longer texts are cut: a name may be a path, metadata may hold anything.
_LONGEST = 200


def facts_table(title: str, facts: Mapping[str, Any], notes: Iterable[str] = ()) -> str:
    """Make a table with a row for each fact that is known.

    Parameters
    ----------
    title : str
        Heading.
    facts : mapping of str to object
        Names and what is said of them; None and empty texts are left out.
    notes : iterable of str
        Sentences below the table.

    Returns
    -------
    html : str
        All texts are escaped, so that no name can become markup.
    """
    rows = [
        f'<tr><th style="text-align: left">{_text(name)}</th>'
        f'<td style="text-align: left">{_text(fact)}</td></tr>'
        for name, fact in facts.items()
        if fact is not None and fact != ""
    ]
    lines = [f"<p>{_text(note)}</p>" for note in notes]
    return "".join(
        [f"<div><strong>{_text(title)}</strong><table>", *rows, "</table>", *lines, "</div>"]
    )


def some_of(names: Iterable[Any], n: int = 4) -> str:
    """List the first names, and tell how many more there are.

    Parameters
    ----------
    names : iterable
        Names.
    n : int
        How many to list.

    Returns
    -------
    text : str
        Such as "Fp1, Fp2, ... (64)".
    """
    texts = [str(name) for name in names]
    more = f", ... ({len(texts)})" if len(texts) > n else ""
    return ", ".join(texts[:n]) + more


def _text(value: Any) -> str:
    text = str(value)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
