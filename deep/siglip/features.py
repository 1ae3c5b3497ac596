"""Features of the envelope, under the name that saved models have for them."""

from dataclasses import dataclass

from cocktailparty.features import levels
from cocktailparty.features.levels import broadband

__all__ = ["EnvelopeFeatures", "broadband"]


@dataclass
class EnvelopeFeatures(levels.EnvelopeFeatures):
    """As `cocktailparty.features.levels.EnvelopeFeatures`."""
