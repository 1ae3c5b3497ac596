"""The estimator: contrastive factorisation of a spectrogram."""

from typing import Any, Self

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from cnmf.initial import initial_values, make_objective
from cnmf.inputs import (
    check_fixed,
    check_guide,
    check_initial,
    check_parameters,
    check_spectrogram,
)
from cnmf.objective import beta_exponent
from cnmf.solver import Callback, Solution, solve
from cocktailparty.backend import is_cupy, namespace, to_device, to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.separation.loudness import exponents, exponents_near, power_of_two, scaled
from cocktailparty.separation.masking import wiener_mask


class ContrastiveNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Factorise a spectrogram so that some components follow a known activation.

    A mixture X (n_frames, n_freqs) is approximated by activations A times components W, both
    non-negative. The first `n_attended` components are drawn to the activations `y` of the
    attended sound, as EEG gives them, and the others are pushed away:

    .. math:: \min_{A, W \ge 0} D_\beta(X | A W) + \mu \lVert A \rVert_1 + \nu \lVert W \rVert_1
              - \delta \Big( \sum_{k \le K_a} (a_k^\top s_k)^2
              - \frac{1}{R} \sum_{k > K_a, r} (a_k^\top s_r)^2 \Big)

    with columns of A and S of norm 1. This is the "paired" contrast; "all-pairs" compares every
    component with every reference, as published, and makes the attended components alike.

    The updates are multiplicative and extrapolated, and never raise the cost; see `cnmf.updates`
    and `cnmf.extrapolation`.

    Parameters
    ----------
    n_components : int
        Number of components.
    n_attended : int
        Number of components, the first ones, that belong to the attended sound.
    contrast : {"paired", "all-pairs"}
        Pairs of components and columns of `y` to be compared. With "paired", attended
        components take the columns in turn.
    contrast_weight : float
        Weight of the contrast; 0 for none.
    sparsity_activations, sparsity_components : float
        Weights of the L1 norms.
    penalty_scale : {"relative", "absolute"}
        Relative weights mean the same for every loudness, length and number of components: each
        penalty is at most about its weight times the sum of the spectrogram
        (`cnmf.initial.make_objective`). Absolute weights are those of the formula.
    beta_loss : str or float
        Divergence: "kullback-leibler", "itakura-saito", "frobenius" or an exponent from 0 to 3.
    init : {"guide", "random", "blind"}
        Start: attended activations are those of `y` and the rest is random; everything is random;
        or a factorisation without `y` (of `max_iter` iterations too), whose components are
        matched with `y`.
    max_iter : int
        Number of iterations at most.
    tol : float
        Stops when 10 iterations lower the cost by less than this fraction of the divergence at
        the start.
    device : {None, "cpu", "cuda"}
        Device that computes; None for that of the input, where results are given in any case.
    random_state : int, RandomState or None
        Source of the random start.
    verbose : bool
        Show a progress bar.
    extrapolation : bool
        Go beyond the plain multiplicative updates, and come back where the cost would rise: a cost
        is reached in a third of the iterations or less (`cnmf.extrapolation`). For a `beta_loss`
        from 1 to 2; others, and new frames (`transform`), take plain updates.

    Attributes
    ----------
    components_ : array of shape (n_components, n_freqs)
        Components, the attended ones first; they carry the loudness.
    activations_ : array of shape (n_frames, n_components)
        Activations of norm 1.
    cost_ : array of shape (n_iter,)
        Cost after each iteration, in float64: that of the formula for `X` as it was given, so that
        a spectrogram that is c times as loud has ``c**beta`` times the cost.
    n_iter_ : int
        Number of iterations, those included that took an extrapolation back.

    Notes
    -----
    The loudness of `X` does not matter, in float32 or in float64: quiet and loud
    spectrograms are multiplied by a power of two before and divided by it after the factorisation.

    A batch of mixtures, X of shape (n_mixtures, n_frames, n_freqs) with `y` of shape (n_mixtures,
    n_frames, n_refs), is factorised at once, and every attribute has the mixtures as its first
    axis, except `cost_`, where they are the last. It goes on until all mixtures have converged.

    References
    ----------
    Cantisani, G., Essid, S., & Richard, G. (2021). Neuro-steered music source separation with
    EEG-based auditory attention decoding and contrastive-NMF. ICASSP, 36-40.
    https://doi.org/10.1109/ICASSP39728.2021.9413841

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> attended = rng.uniform(size=(200, 2)) ** 4
    >>> X = np.hstack([attended, rng.uniform(size=(200, 2))]) @ rng.uniform(size=(4, 30))
    >>> nmf = ContrastiveNMF(4, 2, random_state=0).fit(X, attended)
    >>> nmf.components_.shape, nmf.activations_.shape
    ((4, 30), (200, 4))
    >>> parts = nmf.separate(X)
    >>> bool((parts.sum(axis=0) == X).all())
    True
    """

    def __init__(
        self,
        n_components: int = 16,
        n_attended: int = 8,
        contrast: str = "paired",
        contrast_weight: float = 0.1,
        sparsity_activations: float = 0.0,
        sparsity_components: float = 0.0,
        penalty_scale: str = "relative",
        beta_loss: str | float = "kullback-leibler",
        init: str = "guide",
        max_iter: int = 200,
        tol: float = 1e-4,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
        extrapolation: bool = True,
    ) -> None:
        self.n_components = n_components
        self.n_attended = n_attended
        self.contrast = contrast
        self.contrast_weight = contrast_weight
        self.sparsity_activations = sparsity_activations
        self.sparsity_components = sparsity_components
        self.penalty_scale = penalty_scale
        self.beta_loss = beta_loss
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.extrapolation = extrapolation

    @one_blas_thread()
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        activations: Any = None,
        components: Any = None,
        fixed_activations: Any = None,
        fixed_components: Any = None,
        callback: Callback | None = None,
    ) -> Self:
        """Factorise.

        Parameters
        ----------
        X : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Spectrogram of magnitudes or powers.
        y : array of shape (n_frames,), (n_frames, n_refs) or (n_mixtures, n_frames, n_refs)
            Activations of the attended sound. May be left out where nothing uses it:
            ``contrast_weight=0`` with ``init="random"``.
        activations : array of shape (..., n_frames, n_components), optional
            Initial values instead of those of `init`.
        components : array of shape (..., n_components, n_freqs), optional
            Initial values instead of those of `init`.
        fixed_activations : array of bool, broadcast to (..., n_frames, n_components), optional
            Activations that keep their given value, up to the norm of their column.
        fixed_components : array of bool, broadcast to (..., n_components, n_freqs), optional
            Components that keep their given value, up to one gain for each component.
        callback : callable, optional
            Called every 10 iterations with the number of iterations, the cost, activations and
            components; the fit ends if it returns True.

        Returns
        -------
        self : ContrastiveNMF
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or an array is invalid, or `y` is needed and missing.
        """
        beta = check_parameters(self.get_params())
        needed = self.contrast_weight > 0 or (self.init != "random" and activations is None)
        if y is None and needed:
            raise ValueError(
                "ContrastiveNMF requires y to be passed, but the target y is None: it is the "
                "activation of the attended sound; without one, set contrast_weight=0 and "
                "init='random'"
            )
        back = self._way_back(X)
        X = check_spectrogram(self, self._moved(X), beta, reset=True)
        guide = None
        if y is not None:
            guide = check_guide(self._moved(y), X, self.contrast, self.n_attended)
        *batch, n_frames, n_freqs = X.shape
        shapes = (*batch, n_frames, self.n_components), (*batch, self.n_components, n_freqs)
        fixed = (
            check_fixed(fixed_activations, "fixed_activations", shapes[0], X),
            check_fixed(fixed_components, "fixed_components", shapes[1], X),
        )
        given = (
            check_initial(self._moved(activations), "activations", shapes[0], X, fixed[0]),
            check_initial(self._moved(components), "components", shapes[1], X, fixed[1]),
        )
        exponent = exponents(X)
        X = scaled(X, -exponent)
        if given[1] is not None:
            given = given[0], scaled(given[1], -exponent)
        sizes = self.n_components, self.n_attended
        weights = self.contrast_weight, self.sparsity_activations, self.sparsity_components
        objective = make_objective(
            X, guide, *sizes, beta, self.contrast, *weights, self.penalty_scale, exponent
        )
        init = "random" if y is None else self.init
        rng = check_random_state(self.random_state)
        stop, bold = (self.max_iter, self.tol), self.extrapolation
        start = initial_values(X, guide, *sizes, init, rng, objective, *stop, given, bold)
        told = callback and _at_loudness(callback, exponent, beta)
        solution = solve(X, *start, objective, *stop, *fixed, told, self.verbose, None, bold)
        self._keep(back, solution.activations, scaled(solution.components, exponent), solution)
        self.cost_ = back(solution.costs * power_of_two(beta * exponent))
        return self

    @one_blas_thread()
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Factorise, and return the activations.

        Parameters
        ----------
        X : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Spectrogram.
        y : array of shape (n_frames,), (n_frames, n_refs) or (n_mixtures, n_frames, n_refs)
            Activations of the attended sound.
        **fit_params : dict
            Further arguments of `fit`.

        Returns
        -------
        activations : array of shape (n_frames, n_components)
            The same as `activations_`.
        """
        return self.fit(X, y, **fit_params).activations_

    @one_blas_thread()
    def transform(self, X: Any) -> Any:
        """Find the activations of new frames for the components that were learnt.

        Only the divergence counts: new frames have no guide. Each frame is on its own, so that
        a long recording may come in pieces.

        Parameters
        ----------
        X : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Spectrogram, with the frequencies of the training data.

        Returns
        -------
        activations : array of shape (n_frames, n_components)
            On the scale of `components_`: their product approximates `X`.

        Raises
        ------
        ValueError
            If the spectrogram is invalid or does not fit to the components.
        """
        check_is_fitted(self)
        back = self._way_back(X)
        X = check_spectrogram(self, self._moved(X), beta_exponent(self.beta_loss), reset=False)
        activations, _, _ = self._activations(X)
        return back(activations)

    def inverse_transform(self, X: Any) -> Any:
        """Turn activations back into a spectrogram: their product with the components.

        Parameters
        ----------
        X : array of shape (n_frames, n_components) or (n_mixtures, n_frames, n_components)
            Activations on the scale of `components_`, as from `transform`.

        Returns
        -------
        spectrogram : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Product with the components.

        Raises
        ------
        ValueError
            If the number of activations per frame is not that of the components.
        """
        check_is_fitted(self)
        back = self._way_back(X)
        activations = self._moved(X if is_cupy(X) else to_numpy(X))
        components = self._moved(self.components_)
        expected = (*components.shape[:-2], "n_frames", components.shape[-2])
        if activations.ndim != len(expected) or any(
            size not in (n, "n_frames") for n, size in zip(activations.shape, expected, strict=True)
        ):
            raise ValueError(
                f"X has shape {tuple(activations.shape)}, expected activations of shape "
                f"({', '.join(map(str, expected))}), as transform gives them"
            )
        return back(activations @ components)

    @one_blas_thread()
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go on with the next frames of a long recording.

        The first call learns components, as `fit` does. Later calls keep them and find the
        activations of the new frames, as `transform` does, so that memory does not grow.

        Parameters
        ----------
        X : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Spectrogram of the next frames.
        y : array of shape (n_frames,), (n_frames, n_refs) or (n_mixtures, n_frames, n_refs)
            Activations of the attended sound; only the first call needs them and looks at them.

        Returns
        -------
        self : ContrastiveNMF
            With the `activations_` of these frames.

        Raises
        ------
        ValueError
            If the spectrogram is invalid or does not fit to the components.
        """
        if not hasattr(self, "components_"):
            return self.fit(X, y)
        check_parameters(self.get_params())
        back = self._way_back(X)
        X = check_spectrogram(self, self._moved(X), beta_exponent(self.beta_loss), reset=False)
        activations, solution, cost = self._activations(X)
        self._keep(back, activations, self.components_, solution)
        self.cost_ = back(cost)
        return self

    @one_blas_thread()
    def separate(self, X: Any, activations: Any = None) -> Any:
        """Divide a spectrogram between the attended sound and the rest.

        Each entry is divided in the ratio of what the attended and the other components
        contribute to the model, which is a Wiener filter if the spectrogram holds powers.

        Parameters
        ----------
        X : array of shape (n_frames, n_freqs) or (n_mixtures, n_frames, n_freqs)
            Spectrogram that was fitted, or, with `activations`, any other.
        activations : array of shape (n_frames, n_components), optional
            Result of `transform` for `X`; None for `activations_`.

        Returns
        -------
        parts : array of shape (2, n_frames, n_freqs) or (2, n_mixtures, n_frames, n_freqs)
            Attended sound and rest; their sum is exactly `X`.

        Raises
        ------
        ValueError
            If `X` does not have the frames that the activations belong to.
        """
        check_is_fitted(self)
        back = self._way_back(X)
        X = check_spectrogram(self, self._moved(X), 1.0, reset=False)
        a = self._moved(self.activations_ if activations is None else activations)
        if tuple(a.shape[:-1]) != tuple(X.shape[:-1]):
            raise ValueError(
                f"X has shape {tuple(X.shape)} but the activations {tuple(a.shape)}: for other "
                "frames than those fitted, pass activations=nmf.transform(X)"
            )
        xp = namespace(X)
        w = self._moved(self.components_)
        # At their own loudness, so that no product vanishes.
        a, w = (xp.asarray(scaled(part, -exponents(part)), dtype=X.dtype) for part in (a, w))
        k = self.n_attended
        attended, rest = a[..., :k] @ w[..., :k, :], a[..., k:] @ w[..., k:, :]
        share = wiener_mask(xp.where(attended > rest, attended, rest), attended + rest, 0.5)
        # The larger part is rounded; the smaller, as a difference of close numbers, is exact.
        larger = X * share
        smaller = X - larger
        return back(
            xp.stack(
                [
                    xp.where(attended > rest, larger, smaller),
                    xp.where(attended > rest, smaller, larger),
                ]
            )
        )

    def _activations(self, X: Any) -> tuple[Any, Solution, Any]:
        """Activations for the components that were learnt, on their scale; cost of each step."""
        xp = namespace(X)
        components = xp.asarray(self._moved(self.components_), dtype=X.dtype)
        *batch, n_frames, n_freqs = X.shape
        shape = (*batch, self.n_components, n_freqs)
        if tuple(components.shape) != shape:
            raise ValueError(
                f"X has shape {tuple(X.shape)}, but components of shape {components.shape} were "
                "learnt: pass as many mixtures as were fitted"
            )
        beta, exponent = beta_exponent(self.beta_loss), exponents(X)
        own = exponents_near(components, exponent)
        X, components = scaled(X, -exponent), scaled(components, -own)
        objective = make_objective(X, None, self.n_components, 1, beta)
        even = xp.ones((*batch, n_frames, self.n_components), dtype=X.dtype) / n_frames**0.5
        fixed = xp.ones(shape, dtype=xp.bool)
        solution = solve(
            X,
            even,
            components,
            objective,
            self.max_iter,
            self.tol,
            fixed_components=fixed,
            progress=self.verbose,
        )
        gains = xp.sum(solution.components, axis=-1) / xp.sum(components, axis=-1)
        activations = scaled(solution.activations * gains[..., None, :], exponent - own)
        return activations, solution, solution.costs * power_of_two(beta * exponent)

    def _keep(self, back: Any, activations: Any, components: Any, solution: Solution) -> None:
        self.activations_, self.components_ = back(activations), back(components)
        self.n_iter_ = solution.n_iter

    @property
    def _n_features_out(self) -> int:
        """Number of columns that `transform` gives, for their names."""
        return int(self.components_.shape[-2])

    def _moved(self, x: Any) -> Any:
        """Move to the device, leaving data frames and lists to whoever checks them."""
        return to_device(x, self.device) if self.device not in (None, "cpu") or is_cupy(x) else x

    def _way_back(self, x: Any) -> Any:
        """Give what brings results to where the input was."""
        return (lambda result: result) if is_cupy(x) else to_numpy

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _at_loudness(callback: Callback, exponent: Any, beta: float) -> Callback:
    """Tell a callback of costs and components at the loudness of the spectrogram."""

    def told(iteration: int, cost: Any, activations: Any, components: Any) -> bool | None:
        cost = cost * power_of_two(beta * exponent)
        return callback(iteration, cost, activations, scaled(components, exponent))

    return told
