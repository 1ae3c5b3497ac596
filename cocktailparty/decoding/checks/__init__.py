"""Common tests of attention decoders: promises of all of them, ours and other people's.

Read `run` first, the public function; `promises` holds the checks, `case` what they are run on, and
`expectations` how they fail.
"""

from cocktailparty.decoding.checks.run import check_attention_decoder

__all__ = ["check_attention_decoder"]
