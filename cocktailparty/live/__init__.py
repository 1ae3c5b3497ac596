"""Live decoding: EEG and sounds in, attention as it happens, the attended talker louder.

Read `loop` first, a decoder that is free of threads and clocks of its own; `buffer` brings streams
onto one grid, and `gains` mixes.
"""

from cocktailparty.live.gains import Mixer, talker_gains
from cocktailparty.live.loop import Decision, LiveDecoder

__all__ = [
    "Decision",
    "LiveDecoder",
    "Mixer",
    "talker_gains",
]
