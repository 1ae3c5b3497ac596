from dataclasses import fields

import pytest

from cocktailparty.features import levels


def test_saved_models_find_the_features_under_their_old_name():
    siglip_features = pytest.importorskip("deep.siglip.features", exc_type=ImportError)
    kept = siglip_features.EnvelopeFeatures
    assert kept.__module__ == "deep.siglip.features"
    assert [f.name for f in fields(kept)] == [f.name for f in fields(levels.EnvelopeFeatures)]
    assert kept.__call__ is levels.EnvelopeFeatures.__call__
