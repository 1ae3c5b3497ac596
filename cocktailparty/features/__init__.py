"""Features of sounds that the brain follows: envelopes, filter banks and spectrograms."""

from cocktailparty.features.envelope import onsets, resample, speech_envelope
from cocktailparty.features.filterbank import (
    erb_bandwidths,
    erb_frequencies,
    gammatone,
    gammatone_sos,
    mel_bank,
)
from cocktailparty.features.stft import istft, stft

__all__ = [
    "erb_bandwidths",
    "erb_frequencies",
    "gammatone",
    "gammatone_sos",
    "istft",
    "mel_bank",
    "onsets",
    "resample",
    "speech_envelope",
    "stft",
]
