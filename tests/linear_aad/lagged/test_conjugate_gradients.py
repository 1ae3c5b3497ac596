import numpy as np

from linear_aad.lagged.conjugate_gradients import conjugate_gradients


def test_conjugate_gradients_solve_each_system_by_itself(rng):
    matrices = [(a := rng.normal(size=(20, 20))) @ a.T + s * np.eye(20) for s in (1, 100, 1e4)]
    right = rng.normal(size=(3, 20))

    def apply(rows, which):
        return np.stack([matrices[i] @ row for row, i in zip(rows, which, strict=True)])

    def precondition(rows, which):
        return np.stack([row / np.diag(matrices[i]) for row, i in zip(rows, which, strict=True)])

    solutions, converged = conjugate_gradients(apply, precondition, right, max_iter=60)
    assert converged.all()
    for x, a, b in zip(solutions, matrices, right, strict=True):
        np.testing.assert_allclose(a @ x, b, atol=1e-8)
    _, converged = conjugate_gradients(apply, precondition, right, max_iter=8)
    assert list(converged) == [False, False, True]


def test_a_good_start_saves_steps(rng):
    matrix = (a := rng.normal(size=(20, 20))) @ a.T + 10 * np.eye(20)
    right = rng.normal(size=(2, 20))
    calls = []

    def apply(rows, which):
        calls.append(len(rows))
        return rows @ matrix

    def precondition(rows, which):
        return rows / np.diag(matrix)

    exact = np.linalg.solve(matrix, right.T).T
    start = exact + 1e-9 * rng.normal(size=exact.shape)
    solutions, converged = conjugate_gradients(apply, precondition, right, start)
    assert converged.all()
    np.testing.assert_allclose(solutions, exact, atol=1e-10)
    near = len(calls)
    calls.clear()
    conjugate_gradients(apply, precondition, right)
    assert near < len(calls)
