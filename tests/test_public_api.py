import importlib

import pytest

PUBLIC = (
    "cocktailparty",
    "cocktailparty.datasets",
    "cocktailparty.features",
    "cocktailparty.metrics",
    "linear_aad",
    "cnmf",
    "deep",
)


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_announced_is_there_and_documented(name):
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for public in module.__all__:
        thing = getattr(module, public)
        if callable(thing) or hasattr(thing, "__path__"):
            assert thing.__doc__, f"{name}.{public} has no docstring"
    assert set(module.__all__) <= set(dir(module))


def test_names_that_scripts_use():
    from cocktailparty import Trial, datasets, evaluation, model_selection, plots  # noqa: F401
    from cocktailparty.features import speech_envelope  # noqa: F401
    from cocktailparty.metrics import (  # noqa: F401
        chance_level,
        circular_shift_null,
        itr,
        mesd,
        window_accuracy,
        window_scores,
    )
    from linear_aad import AttentionDecoder, BackwardTRF  # noqa: F401


def test_unknown_names_are_refused():
    import cocktailparty

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        cocktailparty.nonsense  # noqa: B018
