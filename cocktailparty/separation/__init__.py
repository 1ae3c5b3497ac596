"""From attention to sound: evidence of the EEG, and masks.

`evidence` decides which source is attended, `masking` cuts it out of the mixture, after `alignment`
and `loudness` of both.
"""

from cocktailparty.separation.evidence import Attention, attend
from cocktailparty.separation.masking import separate_waveform, wiener_masks

__all__ = [
    "Attention",
    "attend",
    "separate_waveform",
    "wiener_masks",
]
