"""Places and names of electrodes.

`montages` places the channels of trials, `biosemi` names those of BioSemi caps, `caps` gives
corpora theirs.
"""

from cocktailparty.electrodes.montages import (
    Places,
    head_info,
    locate,
    places_of,
    recorded_positions,
    with_montage,
)

__all__ = [
    "Places",
    "head_info",
    "locate",
    "places_of",
    "recorded_positions",
    "with_montage",
]
