"""Features of sounds that the brain follows: envelopes, filter banks, spectrograms, annotations."""

from cocktailparty.features.annotations import impulses, read_annotations
from cocktailparty.features.envelope import onsets, resample, speech_envelope
from cocktailparty.features.filterbank import (
    erb_bandwidths,
    erb_frequencies,
    gammatone,
    gammatone_sos,
    mel_bank,
)
from cocktailparty.features.following import following_waveform
from cocktailparty.features.stft import istft, stft

__all__ = [
    "erb_bandwidths",
    "erb_frequencies",
    "following_waveform",
    "gammatone",
    "gammatone_sos",
    "impulses",
    "istft",
    "mel_bank",
    "onsets",
    "read_annotations",
    "resample",
    "speech_envelope",
    "stft",
]
