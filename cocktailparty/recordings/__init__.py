"""Trials from recordings of MNE-Python and sound files.

Read `trials` first, which puts EEG and sounds together; `eeg` and `audio` read each, `formats`
knows what MNE-Python does not, and the rest checks what was read: pauses, flat channels, clocks.
"""

from cocktailparty.recordings.audio.reading import read_audio
from cocktailparty.recordings.clock import ClockDrift, clock_drift
from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.events import event_times
from cocktailparty.recordings.formats.xdf import read_xdf
from cocktailparty.recordings.interruptions import BadSpanError, Interruption, interruptions
from cocktailparty.recordings.trials import trial_from_raw, trials_from_epochs, trials_from_raw

__all__ = [
    "BadSpanError",
    "ClockDrift",
    "Interruption",
    "clock_drift",
    "event_times",
    "interruptions",
    "read_audio",
    "read_eeg",
    "read_xdf",
    "trial_from_raw",
    "trials_from_epochs",
    "trials_from_raw",
]
