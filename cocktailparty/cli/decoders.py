"""Decoders that the command line knows by name: functions of the sampling rate."""

from collections.abc import Callable
from typing import Any

from cocktailparty.cli.arguments import find_function

# Penalties to choose from, relative to the mean diagonal of the summed products.
_ALPHAS = [10.0**exponent for exponent in range(-4, 3)]
# Those of LASSO, relative to the one that leaves no weight.
_LASSO_ALPHAS = [10.0 ** (-third / 3) for third in range(7)]


def ridge(sfreq: float) -> Any:
    """Make the linear baseline: backward ridge with leave-one-trial-out choice of the penalty.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    return AttentionDecoder(
        BackwardTRF(0.0, 0.4, sfreq, alpha=_ALPHAS, alpha_convention="relative")
    )


def ridge_late(sfreq: float) -> Any:
    """Make the mean of one ridge model a trial, the penalty chosen as that of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    trf = BackwardTRF(
        0.0, 0.4, sfreq, alpha=_ALPHAS, alpha_convention="relative", averaging="models"
    )
    return AttentionDecoder(trf)


def laplacian(sfreq: float) -> Any:
    """Make the backward model whose weights are smooth over lags, chosen as that of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    trf = BackwardTRF(
        0.0, 0.4, sfreq, alpha=_ALPHAS, alpha_convention="relative", penalty="laplacian"
    )
    return AttentionDecoder(trf)


def ledoit_wolf(sfreq: float) -> Any:
    """Make the backward model whose penalty is the optimal shrinkage, with nothing to choose.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder, BackwardTRF

    return AttentionDecoder(BackwardTRF(0.0, 0.4, sfreq, alpha="ledoit-wolf"))


def lasso(sfreq: float) -> Any:
    """Make the backward model with few weights, its penalty chosen as that of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionDecoder
        Unfitted.
    """
    from linear_aad import AttentionDecoder
    from linear_aad.lasso import LassoTRF

    return AttentionDecoder(LassoTRF(0.0, 0.4, sfreq, alpha=_LASSO_ALPHAS))


def cca(sfreq: float) -> Any:
    """Make a canonical correlation decoder, its penalty chosen from those of `ridge`.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : CCADecoder
        Unfitted.
    """
    from linear_aad import CCADecoder

    return CCADecoder(sfreq=sfreq, alpha=_ALPHAS)


def stacked(sfreq: float) -> Any:
    """Make the stack of ridge models of envelope features, weighed by logistic regression.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : StackedTRF
        Unfitted.
    """
    from linear_aad import StackedTRF

    return StackedTRF(0.0, 0.4, sfreq, alpha=_ALPHAS)


def tracker(sfreq: float) -> Any:
    """Make the hidden Markov model that adds up what `ridge` says in windows of a second.

    It needs at least two stimuli at a time, and decision windows of a second or more. How its
    scores scatter is learnt from thirds of the training trials that are left out one after the
    other, in their order, so that most of a story stays together.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AttentionTracker
        Unfitted.
    """
    from sklearn.model_selection import KFold

    from linear_aad import AttentionTracker

    return AttentionTracker(ridge(sfreq), cv=KFold(3))


def adaptive(sfreq: float) -> Any:
    """Make the decoder that learns without attended labels, with the penalty of `ledoit_wolf`.

    It refuses corpora with one sound at a time, where there is nothing to find out.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz.

    Returns
    -------
    decoder : AdaptiveDecoder
        Unfitted.
    """
    from linear_aad import AdaptiveDecoder, BackwardTRF

    return AdaptiveDecoder(BackwardTRF(0.0, 0.4, sfreq, alpha="ledoit-wolf"), random_state=0)


def siglip(sfreq: float) -> Any:
    """Make the contrastive decoder: ridge models of several features, a trained readout on top.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz; the decoder takes it from them.

    Returns
    -------
    decoder : SigLIPDecoder
        Unfitted.
    """
    from deep import SigLIPDecoder

    return SigLIPDecoder(random_state=0)


def siglip_thesis(sfreq: float) -> Any:
    """Make the contrastive decoder of the thesis, with its settings.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz; the decoder takes it from them.

    Returns
    -------
    decoder : SigLIPDecoder
        Unfitted.
    """
    from deep import SigLIPDecoder

    return SigLIPDecoder("thesis", random_state=0)


def siglip_no_contrast(sfreq: float) -> Any:
    """Make the decoder of `siglip` trained for reconstruction alone.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz; the decoder takes it from them.

    Returns
    -------
    decoder : SigLIPDecoder
        Unfitted.
    """
    from deep import SigLIPDecoder

    return SigLIPDecoder(contrast_weight=0.0, random_state=0)


def vlaai(sfreq: float) -> Any:
    """Make a small relative of VLAAI, which reconstructs the envelope.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz; the decoder takes it from them.

    Returns
    -------
    decoder : SigLIPDecoder
        Unfitted.
    """
    from deep import SigLIPDecoder

    return SigLIPDecoder(network="vlaai", contrast_weight=0.0, random_state=0)


def linear_head(sfreq: float) -> Any:
    """Make a linear backward model that is trained by gradient.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the trials in hertz; the decoder takes it from them.

    Returns
    -------
    decoder : SigLIPDecoder
        Unfitted.
    """
    from deep import SigLIPDecoder

    return SigLIPDecoder(network="linear", contrast_weight=0.0, random_state=0)


DECODERS: dict[str, Callable[[float], Any]] = {
    "ridge": ridge,
    "ridge-late": ridge_late,
    "laplacian": laplacian,
    "ledoit-wolf": ledoit_wolf,
    "lasso": lasso,
    "cca": cca,
    "stacked": stacked,
    "tracker": tracker,
    "adaptive": adaptive,
    "siglip": siglip,
    "siglip-thesis": siglip_thesis,
    "siglip-no-contrast": siglip_no_contrast,
    "vlaai": vlaai,
    "linear-head": linear_head,
}

#: Those that train a network, for minutes, and need JAX.
NEURAL = ("siglip", "siglip-thesis", "siglip-no-contrast", "vlaai", "linear-head")


def find_decoder(name: str) -> Callable[[float], Any]:
    """Find the function that makes a decoder.

    Parameters
    ----------
    name : str
        One of `DECODERS`, or ``module:function``.

    Returns
    -------
    make : callable
        Takes the sampling rate in hertz, returns an unfitted decoder.

    Raises
    ------
    ValueError
        If the name is unknown, or the module has no such function.
    ImportError
        If there is no such module.
    """
    return find_function(name, DECODERS, "decoder", "module:function")
