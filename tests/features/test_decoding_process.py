"""Pictures decoded in other processes come back as this one decodes them, errors too."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones import get_backbone
from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.features import decoding, embed
from embedlens.features.decoding import Decoding, decoded
from embedlens.features.decoding_process import DecodingProcesses
from embedlens.features.engines import choose_engine
from embedlens.images import ImageSet, decode

ON_A_GPU = SimpleNamespace(gpu="a card")


def jpeg(seed, size=(60, 40)):
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    coarse.resize(size).save(file, "JPEG")
    return file.getvalue()


def wait_for(processes, count):
    """Until so many have imported what they need."""
    for _ in range(600):
        if processes._free.qsize() == count:
            return
        time.sleep(0.1)
    raise AssertionError("they do not start")


@pytest.fixture(scope="module")
def processes():
    with DecodingProcesses(2) as found:
        wait_for(found, 2)
        yield found


@pytest.fixture
def images(tmp_path):
    for number in range(8):
        path = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(number))
    return ImageSet.read(tmp_path)


def test_pixels_are_those_of_decode(processes):
    for resize in ("squash", "crop", "pad"):
        files = [(jpeg(seed), None) for seed in range(3)]
        options = {"size": (33, 47), "resize": resize, "interpolation": "bicubic"}
        found = processes.decode(files, **options)
        for (data, _), pixels in zip(files, found, strict=True):
            np.testing.assert_array_equal(pixels, decode(data, **options))


@pytest.mark.parametrize("data", [b"", b"no picture", jpeg(2)[:300]])
def test_errors_are_those_of_decode(processes, data):
    """Of one picture among others, which are decoded all the same."""
    with pytest.raises(ImageSetError) as expected:
        decode(data, 9)
    before, found, after = processes.decode(
        [(jpeg(1), None), (data, None), (jpeg(3), None)], size=9
    )
    assert (type(found), str(found)) == (type(expected.value), str(expected.value))
    np.testing.assert_array_equal(before, decode(jpeg(1), 9))
    np.testing.assert_array_equal(after, decode(jpeg(3), 9))


def test_a_process_that_is_killed_is_said():
    with DecodingProcesses(1) as processes:
        wait_for(processes, 1)
        os.kill(processes._children[0].pid, signal.SIGKILL)
        processes._children[0].wait()
        with pytest.raises(EmbedlensError, match=r"has ended \(exit -9\).*Run again"):
            processes.decode([(jpeg(4), None)], size=9)


def test_a_process_starts_without_what_does_not_decode():
    """Each of many imports it, at the same time."""
    code = (
        "import sys, embedlens.features.decoding_process; "
        "print({'pandas', 'scipy', 'sklearn', 'keras', 'openvino'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_none_is_left_running():
    with DecodingProcesses(2) as processes:
        children = processes._children
    assert all(child.poll() is not None for child in children)


def test_until_they_have_started_this_process_decodes():
    with DecodingProcesses(1) as processes:
        assert processes.decode([(jpeg(5), None)], size=9)[0].shape == (9, 9, 3)


def test_a_gpu_has_all_processors_decode_for_it(images, monkeypatch):
    """Rows and their order are those of threads."""
    monkeypatch.setattr(decoding, "_MANY", 1)
    transform = get_backbone("EfficientNetLite0").transform
    rows = [5, 0, 3, 3, 7, *range(8), 1]
    expected = list(decoded(images, rows, transform))
    with Decoding() as decoding_:
        found = list(decoding_.pictures(ON_A_GPU, images, rows, transform))
    assert [row for row, _ in found] == rows
    for (_, one), (_, other) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 2, 16])
def test_beside_a_network_on_the_processors_no_process_decodes(images, monkeypatch, count):
    """However few or many of these there are."""
    monkeypatch.setattr(decoding, "_MANY", 1)
    monkeypatch.setattr(decoding, "processors", lambda: count)
    monkeypatch.setattr(decoding, "DecodingProcesses", None)
    transform = get_backbone("EfficientNetLite0").transform
    for engine in (SimpleNamespace(), SimpleNamespace(gpu=None)):
        with Decoding() as decoding_:
            assert len(list(decoding_.pictures(engine, images, range(8), transform))) == 8


def test_a_picture_that_is_gone_ends_the_run_as_threads_do(images, monkeypatch):
    monkeypatch.setattr(decoding, "_MANY", 1)
    images.source.file(images.paths[2]).unlink()
    transform = get_backbone("EfficientNetLite0").transform
    with pytest.raises(ImageSetError, match="can no longer be read"), Decoding() as decoding_:
        list(decoding_.pictures(ON_A_GPU, images, range(8), transform))


def test_a_picture_that_has_become_another_thing_is_named(images, monkeypatch):
    monkeypatch.setattr(decoding, "_MANY", 1)
    images.source.file(images.paths[2]).write_bytes(b"no picture")
    transform = get_backbone("EfficientNetLite0").transform
    with pytest.raises(ImageSetError, match=images.paths[2]), Decoding() as decoding_:
        list(decoding_.pictures(ON_A_GPU, images, range(8), transform))


def test_it_starts_while_a_network_is_loaded_for_a_gpu_and_not_for_another(images, monkeypatch):
    """And embeds the same."""
    started = []
    monkeypatch.setattr(decoding, "_MANY", 1)
    monkeypatch.setattr(Decoding, "start", lambda self, count: started.append(count))
    expected = embed(images, "EfficientNetLite0").values
    assert started == []
    engine = choose_engine("auto", get_backbone("EfficientNetLite0"))
    monkeypatch.setattr(type(engine), "sees_a_gpu", lambda self: True, raising=False)
    np.testing.assert_array_equal(embed(images, "EfficientNetLite0").values, expected)
    assert started == [8]


def test_the_record_names_the_gpu(images, monkeypatch):
    """And says nothing of one where there is none."""
    assert "gpu" not in embed(images, "EfficientNetLite0").record
    monkeypatch.setattr(
        "embedlens.features.engines.openvino_engine.OpenVINORunner.gpu", "a card", raising=False
    )
    assert embed(images, "EfficientNetLite0").record["gpu"] == "a card"
