"""Warnings of other packages, collected so that each is shown once."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def shown_once(harmless: Sequence[str] = ()) -> Iterator[None]:
    """Collect the warnings of a block of code, and give each different one once when it ends.

    Blocks may be nested: what the inner ones give, the outer one collects. `harmless` are regular
    expressions for the beginnings of warnings that are left out.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     with shown_once(harmless=["The name"]):
    ...         for _ in range(3):
    ...             warnings.warn("The file is shorter than its header says")
    ...             warnings.warn("The name of the file is unusual")
    >>> [str(warning.message) for warning in caught]
    ['The file is shorter than its header says']
    """
    caught: list[warnings.WarningMessage] = []
    try:
        # Filters that raise are those of the user, and act when the warning is given again.
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for message in harmless:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        different: dict[tuple[type[Warning], str], warnings.WarningMessage] = {}
        for warning in caught:
            different.setdefault((warning.category, str(warning.message)), warning)
        for warning in different.values():
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
