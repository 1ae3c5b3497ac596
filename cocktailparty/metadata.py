"""Metadata of trials that no decoder takes: age, signal-to-noise ratio, condition."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cocktailparty.trial import Trial

# How numbers are written that are nothing else: "007" is a code, and so is "1_000".
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def typed_columns(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Turn the cells of a table into numbers, where a column holds nothing else.

    `rows` map column names, the same in all rows, to text. A column whose cells are all numbers or
    empty becomes one of numbers, integers if all are; any other stays as written. Empty cells
    become None.

    Examples
    --------
    >>> typed_columns([{"snr": "-3", "code": "007"}, {"snr": "", "code": "12"}])
    [{'snr': -3, 'code': '007'}, {'snr': None, 'code': '12'}]
    """
    columns = {name: _typed([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return [{name: values[i] for name, values in columns.items()} for i in range(len(rows))]


def with_metadata(rows: Sequence[dict[str, Any]], trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """Add the metadata of the tested trials to rows of `cocktailparty.evaluation.compare`.

    Rows and the records in their `trials` get a column for each name of metadata,
    ``metadata_NAME`` where the name is taken; None in a row whose trials differ. The trials need
    not have the same names.
    """
    names = dict.fromkeys(name for trial in trials for name in trial.metadata)
    if not names:
        return list(rows)
    taken = {key for row in rows for part in (row, *row["trials"]) for key in part}
    columns: dict[str, str] = {}
    for name in names:
        column = name
        while column in taken:
            column = f"metadata_{column}"
        taken.add(column)
        columns[name] = column
    added = []
    for row in rows:
        records = [
            {
                **{key: value for key, value in record.items() if key != "metadata"},
                **{column: record["metadata"].get(name) for name, column in columns.items()},
            }
            for record in row["trials"]
        ]
        shared = {column: _in_common(records, column) for column in columns.values()}
        added.append({**row, **shared, "trials": records})
    return added


def _in_common(records: Sequence[Mapping[str, Any]], column: str) -> Any:
    values = [record[column] for record in records]
    return values[0] if all(value == values[0] for value in values) else None


def _typed(cells: Sequence[str]) -> list[Any]:
    filled = [cell for cell in cells if cell]
    if not filled or not all(map(_NUMBER.fullmatch, filled)):
        return [cell or None for cell in cells]
    numbers = [float(cell) for cell in filled]
    if not all(np.isfinite(numbers)):
        return [cell or None for cell in cells]
    whole = not any(set(cell) & set(".eE") for cell in filled)
    return [(int(cell) if whole else float(cell)) if cell else None for cell in cells]
