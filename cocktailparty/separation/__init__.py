"""From attention to sound: evidence of the EEG, and masks.

`evidence` decides which source is attended, as surely as `chance` allows; `weights` how much of it
to take. `steering` does so for parts that anybody made; `masking` cuts components out of a mixture.
"""

from cocktailparty.separation.evidence import Attention, attend
from cocktailparty.separation.masking import separate_waveform, wiener_masks
from cocktailparty.separation.steering import FunctionSeparator, Steered, steer

__all__ = [
    "Attention",
    "FunctionSeparator",
    "Steered",
    "attend",
    "separate_waveform",
    "steer",
    "wiener_masks",
]
