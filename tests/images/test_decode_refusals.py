"""What `decode` and `probe` do with bytes that are no picture, a broken one, or a bomb."""

from __future__ import annotations

import struct
import sys
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from embedlens.images import ImageError, decode, probe
from embedlens.images.decode import MAX_PIXELS


class TestRefusal:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "empty"),
            (b"\0", "not a picture"),
            (b"hello, I am a text", "not a picture"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not supported; convert it to JPEG"),
        ],
    )
    def test_what_is_no_picture_is_told_so(self, data, reason):
        for read in (probe, lambda data: decode(data, 8)):
            with pytest.raises(ImageError, match=reason):
                read(data)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
    @pytest.mark.parametrize("part", [0.6, 0.99])
    def test_a_truncated_picture_is_told_so(self, encode, noise, format, part):
        if format == "AVIF" and not features.check("avif"):
            pytest.skip("this Pillow has no AVIF")
        data = encode(noise.resize((200, 150)), format)
        data = data[: int(len(data) * part)]
        for read in (probe, lambda data: decode(data, 8)):
            with pytest.raises(ImageError, match="truncated"):
                read(data)

    @pytest.mark.parametrize("format", ["WEBP", "JPEG2000"])
    def test_truncation_is_found_in_other_formats_too(self, encode, noise, format):
        data = encode(noise.resize((200, 150)), format)
        with pytest.raises(ImageError):
            probe(data[: int(len(data) * 0.6)])

    def test_progressive_and_large_jpegs_are_read_to_the_end(self, encode, scene):
        for options in ({"progressive": True}, {}):
            data = encode(scene(2000, 1500), "JPEG", **options)
            with pytest.raises(ImageError, match="truncated"):
                probe(data[:-300])

    def test_the_suffix_plays_no_part(self, encode, noise):
        """There is no suffix to mislead: only bytes go in, and the format comes out."""
        assert probe(encode(noise, "GIF")).format == "GIF"


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes do not hold."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


class TestBombs:
    @pytest.mark.parametrize("side", [13_378, 30_000, 2**31 - 1])
    def test_too_many_pixels_are_refused_by_the_header(self, side):
        for read in (probe, lambda data: decode(data, 8)):
            with pytest.raises(ImageError, match="too large: more than 178,956,970 pixels"):
                read(png_of(side, side))

    def test_gif_and_jpeg_headers_are_refused_too(self, encode, noise):
        gif = bytearray(encode(noise, "GIF"))
        gif[6:10] = b"\xff\xff\xff\xff"
        jpeg = bytearray(encode(noise, "JPEG"))
        start = jpeg.index(b"\xff\xc0") + 5
        jpeg[start : start + 4] = b"\xff\x00\xff\x00"
        for data in (gif, jpeg):
            with pytest.raises(ImageError, match="too large"):
                probe(bytes(data))

    def test_the_limit_holds_whatever_pillows_own_is(self, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        with pytest.raises(ImageError, match="too large"):
            probe(png_of(20_000, 20_000))

    def test_large_pictures_are_decoded_one_at_a_time(self, encode, noise, monkeypatch):
        data, inside, most = encode(noise, "PNG"), [], []
        load = ImageFile.ImageFile.load

        def slow(image):
            if image.tile:  # it is not loaded yet
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.01)
                inside.pop()
            return load(image)

        monkeypatch.setattr(ImageFile.ImageFile, "load", slow)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: decode(data, 8), range(8)))
            together = max(most)
            most.clear()
            monkeypatch.setattr(sys.modules[decode.__module__], "_SHARED_PIXELS", 0)
            list(pool.map(lambda _: decode(data, 8), range(8)))
            list(pool.map(probe, [data] * 8))
        assert together > 1
        assert max(most) == 1

    def test_too_little_memory_is_told_as_such(self, encode, noise, monkeypatch):
        def fail(image):
            raise MemoryError

        monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
        with pytest.raises(ImageError, match="not enough memory"):
            probe(encode(noise, "PNG"))

    def test_large_pictures_below_the_limit_decode_without_a_warning(self, encode):
        """Pillow warns from half of the limit on."""
        data = encode(Image.new("L", (10_000, 9_000), 77), "JPEG")
        assert MAX_PIXELS > 10_000 * 9_000 > Image.MAX_IMAGE_PIXELS
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (decode(data, 16) == 77).all()
            assert probe(data).width == 10_000


class TestQuiet:
    def test_the_callers_warning_filters_survive_many_threads(self, encode, noise):
        data = encode(noise, "PNG")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            before = list(warnings.filters)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: decode(data, 8), range(400)))
            assert list(warnings.filters) == before

    def test_filters_survive_errors(self):
        before = list(warnings.filters)
        with pytest.raises(ImageError):
            probe(b"nothing")
        assert list(warnings.filters) == before

    def test_damaged_files_print_nothing(self, encode, noise, capfd):
        """Except a damaged compressed TIFF: libtiff itself writes a line, out of our reach."""
        for format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM"):
            data = encode(noise, format)
            with pytest.raises(ImageError):
                probe(data[: len(data) // 2])
        with pytest.raises(ImageError):
            probe(encode(noise, "JPEG").replace(b"\xff\xc4", b"\xff\xc5"))
        assert capfd.readouterr() == ("", "")


@settings(max_examples=400)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_damage_gives_an_array_or_an_image_error_and_nothing_else(
    encode, noise, format, changes, part
):
    data = bytearray(encode(noise, format))
    for place, value in changes:
        data[int(place * len(data))] = value
    data = bytes(data[: int(len(data) * part)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(ImageError):
            assert probe(data).width > 0
            assert decode(data, 8).shape == (8, 8, 3)
