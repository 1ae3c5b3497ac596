"""Linear auditory attention decoding: temporal response functions and what is built on them."""

from linear_aad.attention import AttentionDecoder
from linear_aad.spatial import SpatialDecoder
from linear_aad.trf import BackwardTRF, ForwardTRF

__all__ = ["AttentionDecoder", "BackwardTRF", "ForwardTRF", "SpatialDecoder"]
