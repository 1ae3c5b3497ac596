"""Attention decoders: what they have in common, tracking over time, and trained models.

Read `base` first, the methods of all decoders, and `checks`, what all of them promise; `tracker`
follows attention over time, with `markov` and `score_model`; `trained` decodes new recordings;
`saving` writes fitted models; `pipeline` puts `transformers` of trials before a decoder.
"""

from cocktailparty.decoding.base import AttentionDecoderMixin, ReconstructionMixin
from cocktailparty.decoding.calibrated import CalibratedDecoder
from cocktailparty.decoding.checks import check_attention_decoder
from cocktailparty.decoding.pipeline import TrialPipeline
from cocktailparty.decoding.saving import load_extra, load_model, save_model
from cocktailparty.decoding.score_model import AttentionTrack
from cocktailparty.decoding.tracker import AttentionTracker
from cocktailparty.decoding.trained import ENVELOPE, TrainedModel, train_model
from cocktailparty.decoding.transformers import (
    TrialBand,
    TrialChannels,
    TrialFeatures,
    TrialTransformer,
    TrialZScore,
)

__all__ = [
    "ENVELOPE",
    "AttentionDecoderMixin",
    "AttentionTrack",
    "AttentionTracker",
    "CalibratedDecoder",
    "ReconstructionMixin",
    "TrainedModel",
    "TrialBand",
    "TrialChannels",
    "TrialFeatures",
    "TrialPipeline",
    "TrialTransformer",
    "TrialZScore",
    "check_attention_decoder",
    "load_extra",
    "load_model",
    "save_model",
    "train_model",
]
