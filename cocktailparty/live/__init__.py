"""Live decoding: EEG and sounds in, attention as it happens, the attended talker louder.

Read `loop` first, a decoder that is free of threads and clocks; `buffer` and `clock` bring streams
onto one grid, `gains` mixes, `sources` and `sinks` are the ends, `session` runs and proves it.
"""

from cocktailparty.live.gains import Mixer, talker_gains
from cocktailparty.live.loop import Decision, LiveDecoder
from cocktailparty.live.session import Loop, rerun
from cocktailparty.live.sinks import DecisionFile, WaveFile
from cocktailparty.live.sources import LSL, Replay

__all__ = [
    "LSL",
    "Decision",
    "DecisionFile",
    "LiveDecoder",
    "Loop",
    "Mixer",
    "Replay",
    "WaveFile",
    "rerun",
    "talker_gains",
]
