import ast
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import ThreadpoolController, threadpool_limits

from cocktailparty import blas
from cocktailparty.blas import BlasThreads, factorising, one_blas_thread
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.model_selection.splits import folds
from linear_aad import AttentionDecoder, BackwardTRF

ROOT = Path(__file__).parents[2]


class Library:
    """What threadpoolctl shows of a BLAS library."""

    def __init__(self, n_threads):
        self.n_threads = n_threads
        self.calls = 0

    def get_num_threads(self):
        return self.n_threads

    def set_num_threads(self, n_threads):
        self.n_threads = n_threads
        self.calls += 1


@pytest.fixture
def threads():
    found = BlasThreads()
    found._libraries = [Library(4), Library(3)]
    return found


def numbers(threads):
    return [library.n_threads for library in threads._libraries]


def test_the_number_of_each_library_comes_back(threads):
    with threads.counted(1, 0):
        assert numbers(threads) == [1, 1]
    assert numbers(threads) == [4, 3]


def test_the_last_to_leave_restores_in_whatever_order_they_leave(threads):
    first, second = threads.counted(1, 0), threads.counted(1, 0)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert numbers(threads) == [1, 1]
    second.__exit__(None, None, None)
    assert numbers(threads) == [4, 3]


def test_errors_restore(threads):
    with pytest.raises(KeyError), threads.counted(1, 0):
        raise KeyError
    assert numbers(threads) == [4, 3]


def test_within_another_libraries_are_not_asked(threads):
    with threads.counted(1, 0):
        for _ in range(3):
            with threads.counted(1, 0):
                assert numbers(threads) == [1, 1]
        assert [library.calls for library in threads._libraries] == [1, 1]


def test_wide_work_has_its_threads_inside_of_narrow(threads):
    with threads.counted(1, 0):
        with threads.counted(0, 1):
            assert numbers(threads) == [4, 3]
            with threads.counted(1, 0):
                assert numbers(threads) == [4, 3]
        assert numbers(threads) == [1, 1]
    with threads.counted(0, 1):
        assert numbers(threads) == [4, 3]


def test_a_limit_of_the_caller_is_kept(threads):
    threads._libraries[0].n_threads = 2
    with threads.counted(1, 0), threads.counted(0, 1):
        assert numbers(threads) == [2, 3]
    assert numbers(threads) == [2, 3]


def test_a_forked_process_starts_anew(threads):
    inside = threads.counted(1, 0)
    inside.__enter__()
    threads.forked()
    threads._process = -1  # what another process has, so that the caller is of its parent
    assert numbers(threads) == [4, 3]
    inside.__exit__(None, None, None)
    assert threads.n_narrow == 0
    with threads.counted(1, 0):
        assert numbers(threads) == [1, 1]
    assert numbers(threads) == [4, 3]


def blas_numbers():
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return {library.num_threads for library in found}


@pytest.fixture
def seen(monkeypatch):
    """Numbers of threads at each Cholesky factor."""
    found, factor = [], scipy.linalg.cho_factor

    def watched(*args, **keywords):
        found.append(blas_numbers())
        with threadpool_limits(1, user_api="blas"):  # two may wait long for a busy core
            return factor(*args, **keywords)

    monkeypatch.setattr(scipy.linalg, "cho_factor", watched)
    return found


def test_models_are_solved_on_one_thread(seen):
    rng = np.random.default_rng(0)
    eeg, envelope = rng.normal(size=(100, 2)), rng.normal(size=(100, 1))
    with threadpool_limits(2, user_api="blas"):
        BackwardTRF(0, 0.1, 64).fit(eeg, envelope)
        assert seen == [{1}]
        assert blas_numbers() == {2}


def test_large_factors_have_all_threads(seen, monkeypatch):
    monkeypatch.setattr(blas, "WIDE_FROM", 14)
    rng = np.random.default_rng(0)
    eeg, envelope = rng.normal(size=(100, 2)), rng.normal(size=(100, 1))
    with threadpool_limits(2, user_api="blas"):
        BackwardTRF(0, 0.1, 64).fit(eeg[:, :1], envelope)  # 7 unknowns
        BackwardTRF(0, 0.1, 64).fit(eeg, envelope)  # 14 unknowns
        with factorising(14):
            assert blas_numbers() == {2}
    assert seen == [{1}, {2}]


def methods():
    """Public methods of decoders and regressors that compute: (where, node)."""
    rooms = ("cocktailparty/decoding", "deep/siglip", "linear_aad")
    modules = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    computing = {"fit", "partial_fit", "fit_many", "window_scores", "window_sweep"}
    for path in [*modules, ROOT / "cnmf/estimator.py"]:
        for cls in ast.walk(ast.parse(path.read_text())):
            for node in cls.body if isinstance(cls, ast.ClassDef) else ():
                if isinstance(node, ast.FunctionDef) and node.name in computing:
                    yield (
                        f"{path.name}: {cls.name}.{node.name}",
                        [ast.unparse(decorator) for decorator in node.decorator_list],
                    )


def test_whatever_fits_or_scores_does_so_on_one_thread():
    found = dict(methods())
    assert len(found) > 20
    others = {
        where
        for where, decorators in found.items()
        if not {"one_blas_thread()", "abstractmethod"} & set(decorators)
    }
    assert not others


class Watched(AttentionDecoder):
    """A decoder that is not written for one thread."""

    def fit(self, trials, attended=None):
        self.seen.append(blas_numbers())
        return AttentionDecoder.fit(self, trials, attended)


def test_folds_of_any_decoder_are_scored_on_one_thread():
    trials = simulate_two_talkers(n_trials=4, n_channels=2, random_state=0).trials
    Watched.seen = []
    with threadpool_limits(2, user_api="blas"):
        fold = folds(trials, "trial")[0]
        evaluate_fold(Watched(BackwardTRF(0, 0.1, 64)), fold, [10.0])
        with one_blas_thread():
            assert blas_numbers() == {1}
        assert blas_numbers() == {2}
    assert Watched.seen == [{1}]
