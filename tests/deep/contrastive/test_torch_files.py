import importlib.util
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deep.contrastive.torch_files import read_torch
from tests.deep.contrastive.torchlike import (
    described,
    name,
    number,
    ordered,
    storage,
    tensor,
    text,
    tuple_of,
    write,
    write_old,
    write_zip,
)

CONTAINERS = ("zip", "old")
FOUR = np.arange(4, dtype=np.float32).tobytes()


@pytest.fixture
def arrays(rng):
    return {
        "conv.weight": rng.normal(size=(3, 2, 5)).astype(np.float32),
        "half": rng.normal(size=7).astype(np.float16),
        "double": rng.normal(size=(2, 2)),
        "count": np.array(12, np.int64),
        "flags": np.array([True, False, True]),
        "bytes": np.arange(5, dtype=np.uint8),
        "empty": np.zeros((0, 3), np.float32),
    }


def same(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        assert found[key].shape == array.shape
        assert found[key].tobytes() == array.tobytes()
        assert found[key].flags.writeable or not found[key].ndim


@pytest.mark.parametrize("container", CONTAINERS)
def test_arrays_come_back_bit_for_bit(tmp_path, arrays, container):
    same(read_torch(write(tmp_path / "x.pth", arrays, container)), arrays)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_checkpoint_with_foreign_things_beside_the_model(tmp_path, arrays, container):
    """As PANNs has it: a sampler with NumPy arrays, which are not made."""
    array = name("numpy.core.multiarray", "_reconstruct") + tuple_of(
        name("numpy", "ndarray"), numbers_of(0), text("b")
    ) + b"R" + tuple_of(number(1), numbers_of(3), b"N") + b"b"  # fmt: skip

    def wrap(tree):
        return (
            b"}(" + text("iteration") + number(7) + text("model") + tree
            + text("sampler") + b"}" + text("a") + array + b"s" + b"u"
        )  # fmt: skip

    path = write(tmp_path / "x.pth", arrays, container, wrap)
    same(read_torch(path), arrays)
    same(read_torch(path, "model"), arrays)
    with pytest.raises(ValueError, match="has no entry 'weights', but"):
        read_torch(path, "weights")
    with pytest.raises(ValueError, match=r"'a' is made by numpy.core.multiarray._reconstruct"):
        read_torch(path, "sampler")


def numbers_of(*values):
    return tuple_of(*map(number, values))


def test_views_share_a_storage(tmp_path):
    stored = storage("0", "FloatStorage", 12)
    flags = b"}" + text("neg") + b"\x88s"
    tree = ordered({
        "whole": tensor(stored, 0, (3, 4), (4, 1)),
        "turned": tensor(stored, 0, (4, 3), (1, 4)),
        "part": tensor(stored, 5, (2,), (4,)),
        "scalar": tensor(stored, 11, (), ()),
        "same": tensor(stored, 2, (2, 3), (0, 1)),
        "negative": tensor(stored, 1, (2,), (1,), flags),
    })  # fmt: skip
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = read_torch(write_zip(tmp_path / "x.pt", tree, {"0": x.tobytes()}))
    same(
        {k: v for k, v in found.items() if k != "scalar"},
        {
            "whole": x, "turned": np.ascontiguousarray(x.T), "part": x.ravel()[[5, 9]],
            "same": np.array([[2, 3, 4], [2, 3, 4]], np.float32),
            "negative": -x.ravel()[1:3],
        },
    )  # fmt: skip
    assert found["scalar"] == 11
    found["whole"][:] = 0  # they are copies
    assert found["part"].tolist() == [5, 9]


def test_bfloat16_becomes_float32(tmp_path):
    x = np.array([1.0, -2.5, 3e38, 0.0078125], np.float32)
    raw = (x.view(np.uint32) >> 16).astype(np.uint16)
    tree = ordered({"x": tensor(storage("0", "BFloat16Storage", 4), 0, (4,), (1,))})
    found = read_torch(write_zip(tmp_path / "x.pt", tree, {"0": raw.tobytes()}))["x"]
    assert found.dtype == np.float32
    assert found.tobytes() == (raw.astype(np.uint32) << 16).tobytes()


def test_the_byte_order_of_the_writer_counts(tmp_path):
    tree = ordered({"x": tensor(storage("0", "FloatStorage", 4), 0, (4,), (1,))})
    x = np.arange(4, dtype=">f4")
    path = write_zip(tmp_path / "x.pt", tree, {"0": x.tobytes()}, {"archive/byteorder": b"big"})
    assert read_torch(path)["x"].tolist() == [0, 1, 2, 3]
    assert read_torch(path)["x"].dtype.isnative


ONE = {"x": tensor(storage("0", "FloatStorage", 4), 0, (4,), (1,))}


def hostile():
    """Files that break one rule each: how they are written, and what is said of them."""
    stored = storage("0", "FloatStorage", 4)
    tree, contents = ordered(ONE), {"0": FOUR}
    foreign = ordered({"y": ONE["x"], "x": name("os", "getcwd") + b")R"})
    yield "foreign", foreign, contents, {}, "'x' is made by os.getcwd, which is not on the list"
    whole = name("my.models", "Net") + b")\x81}b"
    yield "module", whole, contents, {}, "holds a my.models.Net"
    yield "text", text("hello"), contents, {}, "holds a str, expected a state dict"
    yield "none", ordered({"a": number(1)}), contents, {}, "has no state dict"
    past = ordered({"x": tensor(stored, 1, (4,), (1,))})
    yield "past", past, contents, {}, "'x' reaches past the end"
    yield "steps", ordered({"x": tensor(stored, 0, (2,), (9,))}), contents, {}, "past the end"
    yield "short", tree, {"0": FOUR[:8]}, {}, "holds 8 bytes, it should have 16"
    yield "lost", tree, {"1": FOUR}, {}, "numbers of 'x' are missing"
    big = ordered({"x": tensor(stored, 0, (10**9, 4), (0, 1))})
    yield "repeats", big, contents, {}, "a tensor repeats its numbers"
    huge = ordered({"x": tensor(stored, 0, (2**40, 2**40), (2**40, 1))})
    yield "huge", huge, contents, {}, "past the end"
    back = name("torch._utils", "_rebuild_tensor_v2") + tuple_of(
        stored, number(0), tuple_of(number(4)), tuple_of(b"J\xff\xff\xff\xff"), b"\x89", b"}"
    ) + b"R"  # fmt: skip
    yield "backwards", ordered({"x": back}), contents, {}, "steps backwards"
    odd = ordered({"x": tensor(storage("0", "QInt8Storage", 4), 0, (4,), (1,))})
    yield "quantised", odd, contents, {}, "numbers of type QInt8Storage"
    yield "memo", b"h\x07", contents, {}, "memo 7, which is not there"
    yield "long", b"X\xff\xff\xff\x7f", contents, {}, "ends early"
    yield "early", b"X\x05\x00\x00\x00abc", contents, {}, "ends early"
    yield "many", b"0".join([b"]"] * 300_000), contents, {}, "more than 500000 operations"
    texts = b"0".join([text("a" * 4000)] * 5000)
    yield "texts", texts, contents, {}, "more than 16777216 bytes of text"
    yield "key", b"}(" + tuple_of(b"N") + b"N" + b"u", contents, {}, "a key is a tuple"
    yield "collide", b"}\x8a\x08" + b"\x00" * 7 + b"\x01Ns", contents, {}, "a key is a int"
    yield "opcode", b"P1\n", contents, {}, "opcode 0x50 is not used"
    yield "persistent", text("x") + b"Q", contents, {}, "not that of a storage"
    yield "deep", b"]" * 100_000 + b"a" * 99_999, contents, {}, "holds a list"
    yield "builds", tree + text("keys") + b"b", contents, {}, ""
    program = {"archive/code/x.py": b"pass"}
    yield "script", tree, contents, program, "TorchScript archive"
    yield "folders", tree, contents, {"other/data.pkl": b"."}, "folders"
    yield "path", tree, contents, {"archive/../x": b""}, "no plain path"
    yield "order", tree, contents, {"archive/byteorder": b"middle"}, "byte order"


CASES = {case: rest for case, *rest in hostile()}


@pytest.mark.parametrize("case", CASES)
def test_what_breaks_a_rule_is_refused_at_once(tmp_path, case):
    tree, contents, extra, message = CASES[case]
    path = write_zip(tmp_path / "x.pt", tree, contents, extra)
    began = time.process_time()
    if not message:
        assert list(read_torch(path)) == ["x"]
        return
    with pytest.raises(ValueError, match=message) as caught:
        read_torch(path)
    assert "x.pt" in str(caught.value)
    assert time.process_time() - began < 2
    if extra or case in ("lost", "short", "module", "text", "none", "early", "deep"):
        return  # the old container meets another rule first
    with pytest.raises(ValueError, match=message):
        read_torch(write_old(tmp_path / "x.pth", tree, contents))


def test_archives_that_are_not_as_they_were_written(tmp_path, arrays):
    path = write_zip(tmp_path / "a.pt", ordered(ONE), {"0": FOUR}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="is compressed"):
        read_torch(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(path, ordered(ONE), {"0": FOUR}, {"archive/data.pkl": b"N."})
    with pytest.raises(ValueError, match=r"two members 'archive/data\.pkl'"):
        read_torch(path)
    whole = write(path, arrays).read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"a\.pt"):
            read_torch(path)
    place = whole.index(arrays["double"].tobytes())
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(ValueError, match="checksum of archive/data/2"):
        read_torch(path)
    path.write_bytes(whole.replace(b"archive/data/1", b"archive/data/0", 1))
    with pytest.raises(ValueError, match="two names"):
        read_torch(path)


def test_old_files_that_end_early_or_say_too_much(tmp_path, arrays):
    path = write(tmp_path / "a.pth", arrays, "old")
    whole = path.read_bytes()
    for cut in (1, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"a\.pth"):
            read_torch(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        read_torch(path)
    path.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(ValueError, match="was not saved with"):
        read_torch(path)
    items, contents = described({"x": np.zeros(4, np.float32)}, b"N")
    write_old(path, ordered(items), contents, counts=[2**50])
    with pytest.raises(ValueError, match="storage '0' should have"):
        read_torch(path)
    with pytest.raises(FileNotFoundError):
        read_torch(tmp_path / "none.pth")


FUZZ = """
import random, resource, sys
from pathlib import Path
from deep.contrastive.torch_files import read_torch
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
path, n = Path(sys.argv[1]), int(sys.argv[4])
originals = [Path(source).read_bytes() for source in sys.argv[2].split(",")]
first = int(sys.argv[3])
for seed in range(first, first + n):
    rng = random.Random(seed)
    data = bytearray(rng.choice(originals))
    for _ in range(rng.randint(1, 6)):
        at, kind = rng.randrange(len(data)), rng.randrange(4)
        if kind == 0: data[at] = rng.randrange(256)
        elif kind == 1: del data[at : at + rng.randint(1, 9)]
        elif kind == 2: data[at:at] = rng.randbytes(rng.randint(1, 9))
        else: data[at : at + 4] = rng.choice((b"\\xff" * 4, bytes(4), b"\\xff\\xff\\xff\\x7f"))
    path.write_bytes(data)
    try:
        found = read_torch(path)
    except ValueError:
        continue
    except BaseException as error:
        sys.exit(f"seed {seed}: {type(error).__name__}: {error}")
    if sum(x.nbytes for x in found.values()) > 2**27: sys.exit(f"seed {seed}: too large")
"""


@pytest.mark.parametrize("n", [2000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_mutated_files_are_refused_or_read_and_nothing_else(tmp_path, arrays, n):
    sources = [str(write(tmp_path / f"{c}.pth", arrays, c)) for c in CONTAINERS]
    command = [sys.executable, "-c", FUZZ, str(tmp_path / "x"), ",".join(sources), "0", str(n)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_a_real_file_of_the_old_container():
    spec = importlib.util.find_spec("resemblyzer")
    if spec is None:
        pytest.skip("Resemblyzer is not installed, which ships a file of PyTorch before 1.6")
    path = Path(spec.submodule_search_locations[0]) / "pretrained.pt"
    found = read_torch(path)
    assert found["linear.weight"].shape == (256, 256)
    assert all(np.isfinite(x).all() for x in found.values())


@pytest.mark.parametrize("new", [True, False])
def test_files_of_the_installed_torch(tmp_path, new):
    torch = pytest.importorskip("torch")
    x = torch.randn(3, 4)
    tree = {
        "x": x, "turned": x.T, "part": x[1:, ::2], "half": x.half(), "flags": x > 0,
        "scalar": torch.tensor(3.0), "empty": torch.zeros(0, 2), "bfloat": x.bfloat16(),
        "parameter": torch.nn.Parameter(x),
    }  # fmt: skip
    torch.save(tree, tmp_path / "x.pt", _use_new_zipfile_serialization=new)
    found = read_torch(tmp_path / "x.pt")
    for key, value in tree.items():
        expected = value.detach().float() if key == "bfloat" else value.detach()
        assert found[key].tobytes() == expected.contiguous().numpy().tobytes()
