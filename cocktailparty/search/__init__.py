"""Search for the parameters of a decoder: sampled by Optuna, cross-validated, resumable.

It needs Optuna, and Dask for a cluster: ``pip install 'cocktailparty[search]'``.
"""

from cocktailparty.search.claims import StudyInUseError
from cocktailparty.search.holdout import HeldOut
from cocktailparty.search.jobs import WorkersLostError
from cocktailparty.search.results import SearchResult
from cocktailparty.search.searching import search

__all__ = ["HeldOut", "SearchResult", "StudyInUseError", "WorkersLostError", "search"]
