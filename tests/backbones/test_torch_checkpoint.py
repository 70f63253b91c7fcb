from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from embedlens.backbones.families.efficientnet_lite import weights_file
from embedlens.backbones.torch_checkpoint import read_torch_checkpoint
from embedlens.errors import WeightsError


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "conv.weight": rng.standard_normal((4, 3, 2, 2)).astype("<f4"),
        "conv.bias": rng.standard_normal(4).astype("<f2"),
        "steps": np.array(7, "<i8"),
    }


def test_tensors_come_back_with_names_shapes_and_types(checkpoint, tensors, tmp_path):
    file = tmp_path / "state.pth"
    file.write_bytes(checkpoint(tensors))
    read = read_torch_checkpoint(file)
    assert list(read) == list(tensors)
    for name, expected in tensors.items():
        assert read[name].dtype == expected.dtype
        np.testing.assert_array_equal(read[name], expected)


def test_views_of_one_storage_are_read_by_offset_and_strides(checkpoint, tmp_path):
    numbers = np.arange(12, dtype="<f4")
    storage = checkpoint.storage("a", numbers)
    state = {
        "transposed": checkpoint.tensor(storage, 0, (4, 3), (1, 4)),
        "tail": checkpoint.tensor(storage, 10, (2,), (1,)),
    }
    file = tmp_path / "state.pth"
    file.write_bytes(checkpoint(state))
    read = read_torch_checkpoint(file)
    np.testing.assert_array_equal(read["transposed"], numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(read["tail"], [10, 11])


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (13,), (1,)), (12, (1,), (1,)), (5, (2, 2), (6, 2)), (-1, (2,), (1,)), (3, (2,), (-1,))],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(
    checkpoint, tmp_path, offset, shape, strides
):
    storage = checkpoint.storage("a", np.arange(12, dtype="<f4"))
    file = tmp_path / "state.pth"
    file.write_bytes(checkpoint({"x": checkpoint.tensor(storage, offset, shape, strides)}))
    with pytest.raises(WeightsError, match="outside its storage"):
        read_torch_checkpoint(file)


class Trap:
    """An object whose unpickling touches a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("place", ["instead", "magic", "tensor", "name"])
def test_a_pickle_that_would_run_code_is_refused_before_it_runs(
    checkpoint, tensors, tmp_path, trap, place
):
    data = {
        "instead": lambda: pickle.dumps(Trap(trap)),
        "magic": lambda: checkpoint(tensors, magic=Trap(trap)),
        "tensor": lambda: checkpoint({**tensors, "evil": Trap(trap)}),
        "name": lambda: checkpoint({**tensors, "evil": [Trap(trap)]}),
    }[place]()
    file = tmp_path / "evil.pth"
    file.write_bytes(data)
    with pytest.raises(WeightsError, match="which is no tensor"):
        read_torch_checkpoint(file)
    assert not trap.exists()


def test_the_trap_would_have_sprung(trap):
    """The test above means something: an ordinary unpickler runs the code."""
    pickle.loads(pickle.dumps(Trap(trap)))
    assert trap.exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "os system", "torch load", "collections namedtuple", "torch Tensor"]
)
def test_any_other_name_is_refused_even_when_nothing_calls_it(tmp_path, name):
    module, attribute = name.split()
    file = tmp_path / "evil.pth"
    file.write_bytes(f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(WeightsError, match=f"{module}.{attribute}"):
        read_torch_checkpoint(file)


def test_a_file_cut_short_anywhere_is_refused(checkpoint, tensors, tmp_path):
    whole = checkpoint(tensors)
    file = tmp_path / "short.pth"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"short\.pth cannot be read"):
            read_torch_checkpoint(file)


@pytest.mark.parametrize("count", [2**40, 2**62, -1, -(2**62)])
def test_a_storage_that_lies_about_its_length_is_refused(checkpoint, tmp_path, count):
    numbers = np.arange(12, dtype="<f4")
    whole = checkpoint({"x": numbers})
    true = struct.pack("<q", numbers.size) + numbers.tobytes()
    assert whole.endswith(true)
    file = tmp_path / "liar.pth"
    file.write_bytes(whole[: -len(true)] + struct.pack("<q", count) + numbers.tobytes())
    with pytest.raises(WeightsError, match=r"liar\.pth"):
        read_torch_checkpoint(file)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip", b"hello", b"\x89HDF\r\n\x1a\n"])
def test_other_files_are_refused(tmp_path, data):
    file = tmp_path / "other.pth"
    file.write_bytes(data)
    with pytest.raises(WeightsError, match=r"other\.pth cannot be read"):
        read_torch_checkpoint(file)


@pytest.mark.parametrize("content", [None, [1, 2], {"x": 3}, {"x": "text"}])
def test_a_state_that_is_no_dict_of_tensors_is_refused(checkpoint, tmp_path, content):
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    file = tmp_path / "odd.pth"
    file.write_bytes(head + pickle.dumps(content, 2) + pickle.dumps([], 2))
    with pytest.raises(WeightsError, match=r"odd\.pth cannot be read"):
        read_torch_checkpoint(file)


def test_the_checkpoint_that_comes_with_the_install_is_read():
    tensors = read_torch_checkpoint(weights_file("EfficientNetLite0"))
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_fc.weight"].dtype == np.float32
    assert all(np.isfinite(t).all() for t in tensors.values())
