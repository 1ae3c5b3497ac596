"""Linear auditory attention decoding: temporal response functions and what is built on them."""

from linear_aad.adaptive import AdaptiveDecoder
from linear_aad.attention import AttentionDecoder
from linear_aad.cca import CCADecoder
from linear_aad.spatial import SpatialDecoder
from linear_aad.tracking import AttentionTrack, AttentionTracker
from linear_aad.trf import BackwardTRF, ForwardTRF

__all__ = [
    "AdaptiveDecoder",
    "AttentionDecoder",
    "AttentionTrack",
    "AttentionTracker",
    "BackwardTRF",
    "CCADecoder",
    "ForwardTRF",
    "SpatialDecoder",
]
