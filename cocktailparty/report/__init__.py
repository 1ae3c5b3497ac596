"""Report of a comparison, on one page.

`comparison` compares and reports in one call; `html` writes the page with the pictures of
`figures`; `verdict` words the findings, `protocol` what was done.
"""

from cocktailparty.report.comparison import Comparison, compare_and_report
from cocktailparty.report.html import write_report
from cocktailparty.report.verdict import verdict

__all__ = [
    "Comparison",
    "compare_and_report",
    "verdict",
    "write_report",
]
