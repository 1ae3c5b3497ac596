import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.digests import check_text, contiguous, digest_of, opened, sealed

CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(content=CONTENT, name=st.text(), data=st.data())
def test_content_comes_back_and_no_changed_letter_goes_unseen(content, name, data):
    text = sealed(name, content)
    assert opened(name, text) == content
    i = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != text[i]))
    with pytest.raises(ValueError):
        opened(name, text[:i] + other + text[i + 1 :])
    with pytest.raises(ValueError, match="another content"):
        opened(name + "x", text)


@given(content=CONTENT)
def test_depth_is_that_of_the_content(content):
    def depth(value):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0

    text = json.dumps(content)
    room = 200 - depth(content)
    check_text("[" * room + text + "]" * room)
    with pytest.raises(ValueError, match="nests more than 200"):
        check_text("[" * (room + 1) + text + "]" * (room + 1))


def test_every_part_of_an_array_decides_its_digest():
    x = np.arange(6.0)
    variants = [("x", x), ("y", x), ("x", x[::-1].copy()), ("x", x.reshape(2, 3)),
                ("x", x.astype("f4")), ("x", x.view("i8"))]  # fmt: skip
    found = {digest_of(["a"], [variant]) for variant in variants} | {digest_of(["b"], [("x", x)])}
    assert len(found) == len(variants) + 1
    assert digest_of(["a", "b"], []) != digest_of(["ab"], [])


def test_order_of_memory():
    x = np.arange(6.0).reshape(2, 3)
    found = contiguous({"t": x.T, "c": x, "number": np.float64(2)})
    assert list(found) == ["c", "number", "t"]
    assert found["c"] is x
    assert found["number"].shape == ()
    assert found["t"].flags.c_contiguous
    np.testing.assert_array_equal(found["t"], x.T)
