import importlib

import pytest

from cocktailparty.moved import MOVED


@pytest.mark.parametrize("former", MOVED)
def test_a_former_name_gives_what_the_new_one_has(former):
    with pytest.warns(DeprecationWarning, match=f"{former} is {MOVED[former]} now"):
        old = importlib.reload(importlib.import_module(former))
    new = importlib.import_module(MOVED[former])
    names = [name for name in vars(new) if not name.startswith("__")]
    assert names
    assert all(getattr(old, name) is getattr(new, name) for name in names)
    with pytest.raises(AttributeError):
        old.nonsense  # noqa: B018
