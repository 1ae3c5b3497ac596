import pandas as pd

from cocktailparty.evaluation import group_tests
from cocktailparty.report.listeners import group_table, listeners_text
from cocktailparty.report.verdict import verdict
from tests.cocktailparty.tested import table


def compared(n_subjects: int, names: str = "ab") -> pd.DataFrame:
    parts = [
        table((name, window, 100, right + 2 * s), subjects=[f"S{s}"])
        for s in range(n_subjects)
        for i, name in enumerate(names)
        for window, right in ((5.0, 43 + s * (-1) ** s), (30.0, 70 + 10 * i))
    ]
    return pd.concat(parts, ignore_index=True).drop(columns="trials")


def test_what_holds_over_listeners_is_said() -> None:
    rows = compared(7)
    first, second, pair, method = listeners_text(rows)
    assert first == (
        "Over 7 listeners, a differs from chance at 30 s by +26.0 points (95 % interval +22.0 to "
        "+30.0, p = 0.031), and is not shown to differ at 5 s."
    )
    assert second.startswith("Over 7 listeners, b differs from chance at 30 s by +36.0 points")
    assert pair == (
        "b differs from a at 30 s by +10.0 points (95 % interval +10.0 to +10.0, p = 0.016)."
    )
    assert "up to 2 tests of a kind at one window" in method
    assert method.endswith("choose the one to report before you look.")
    said = verdict(rows)
    assert first in said
    assert not any("none against another" in sentence for sentence in said)


def test_what_no_test_can_tell_is_said() -> None:
    (few,) = listeners_text(compared(5))
    assert (
        "With 5 listeners no test over listeners can be significant (p is at least 0.0625)" in few
    )
    many = listeners_text(compared(6, "abc"))
    assert many[0] == "Over 6 listeners, a is not shown to differ from chance at 5, 30 s."
    assert "none can get below p = 0.094: compare fewer decoders" in many[-1]
    assert listeners_text(compared(1)) == []
    alone = listeners_text(compared(6, "a"))
    assert "Holm" not in alone[-1]
    equal = compared(7).assign(n_correct=60)
    assert "Over listeners, no decoder differs from another." in listeners_text(equal)


def test_table_for_print_has_every_test() -> None:
    tests = group_tests(compared(7))
    header, rows = group_table(tests)
    assert len(rows) == len(tests) == 6
    assert {len(row) for row in rows} == {len(header)}
    assert rows[1][2:6] == ["30", "7", "+26.0", "22.0 to 30.0"]
    assert sum(row[7].endswith("*") for row in rows) == (tests["p_corrected"] <= 0.05).sum() > 0
