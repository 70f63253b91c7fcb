from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from embedlens.errors import ImageSetError
from embedlens.images import ImageError, decode, probe

LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}, "BMP": {}, "PPM": {}}
ORIENTATION = 0x0112


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("format", LOSSLESS)
def test_a_lossless_picture_comes_back_as_it_was(noise, encode, format):
    data = encode(noise, format, **LOSSLESS[format])
    pixels = decode(data, None)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.asarray(noise))
    assert (probe(data).width, probe(data).height, probe(data).format) == (20, 14, format)


def test_jpeg_decodes_as_pillow_decodes_it(scene, encode):
    data = encode(scene(64, 48), "JPEG")
    np.testing.assert_array_equal(decode(data, None), np.asarray(Image.open(io.BytesIO(data))))


def test_the_array_is_the_callers_to_change(noise, encode):
    assert decode(encode(noise, "PNG"), 8).flags.writeable


class TestResize:
    def test_squash_is_antialiased_bilinear(self, scene, encode):
        image = scene(97, 61)
        expected = np.asarray(image.resize((30, 20), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(decode(encode(image, "PNG"), (20, 30)), expected)

    def test_an_int_is_a_square_and_a_pair_is_height_and_width(self, noise, encode):
        data = encode(noise, "PNG")
        assert decode(data, 9).shape == (9, 9, 3)
        assert decode(data, (9, 5)).shape == (9, 5, 3)

    @pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80)])
    def test_crop_fits_the_short_side_and_takes_the_centre(self, scene, encode, width, height):
        image = scene(width, height)
        whole = np.asarray(image.resize((width // 2, height // 2), Image.Resampling.BILINEAR))
        rows, columns = (10 * (height == 80), 10 * (width == 80))
        expected = whole[rows : rows + 20, columns : columns + 20].astype(int)
        pixels = decode(encode(image, "PNG"), 20, "crop")
        np.testing.assert_allclose(pixels, expected, atol=1)

    @pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80)])
    @pytest.mark.parametrize("format", ["PNG", "JPEG"])
    def test_a_crop_of_a_share_keeps_that_share_of_the_fitted_side(
        self, scene, encode, width, height, format
    ):
        """At 0.5 and 20 pixels the short side is fitted to 40."""
        data = encode(scene(10 * width, 10 * height), format)
        whole = decode(data, (height, width)).astype(int)
        top, left = height // 2 - 10, width // 2 - 10
        pixels = decode(data, 20, "crop", crop=0.5)
        margin = 2 if format == "PNG" else 6  # a JPEG is decoded at a part of its size
        np.testing.assert_allclose(pixels, whole[top : top + 20, left : left + 20], atol=margin)

    @pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
    def test_the_interpolation_is_pillow_s(self, scene, encode, interpolation):
        image = scene(97, 61)
        expected = np.asarray(image.resize((30, 20), Image.Resampling[interpolation.upper()]))
        given = decode(encode(image, "PNG"), (20, 30), interpolation=interpolation)
        np.testing.assert_array_equal(given, expected)

    def test_an_unknown_interpolation_or_share_is_named(self, noise, encode):
        data = encode(noise, "PNG")
        with pytest.raises(ImageSetError, match="'cubic' is unknown; use one of nearest, bilinear"):
            decode(data, 9, interpolation="cubic")
        for share in (0, -1, 1.5, float("nan")):
            with pytest.raises(ImageSetError, match="give a share above 0, at most 1"):
                decode(data, 9, "crop", crop=share)

    @pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80)])
    def test_pad_fits_the_long_side_and_fills_with_grey(self, scene, encode, width, height):
        image = scene(width, height)
        expected = np.full((20, 20, 3), 128, dtype=np.uint8)
        inner = np.asarray(image.resize((width // 4, height // 4), Image.Resampling.BILINEAR))
        rows, columns = 5 * (width == 80), 5 * (height == 80)
        expected[rows : rows + inner.shape[0], columns : columns + inner.shape[1]] = inner
        np.testing.assert_array_equal(decode(encode(image, "PNG"), 20, "pad"), expected)

    @pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
    def test_odd_shapes_give_the_size_asked_for(self, encode, resize, shape):
        for format in ("PNG", "JPEG"):
            data = encode(Image.new("RGB", shape, (10, 200, 30)), format)
            assert decode(data, (33, 17), resize).shape == (33, 17, 3)

    def test_an_unknown_resize_is_named(self, noise, encode):
        with pytest.raises(ImageSetError, match="'stretch' is unknown; use one of squash"):
            decode(encode(noise, "PNG"), 8, "stretch")

    @pytest.mark.parametrize("size", [0, -3, (5, 0)])
    def test_a_size_below_one_is_named(self, noise, encode, size):
        with pytest.raises(ImageSetError, match="too small"):
            decode(encode(noise, "PNG"), size)


class TestDraft:
    """Large JPEGs are decoded at a fraction of their size, where that is allowed."""

    @pytest.mark.parametrize("width", [1600, 1601, 1333])
    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_it_changes_pixels_by_less_than_one_level_on_average(self, scene, encode, width, mode):
        data = encode(scene(width, 1203).convert(mode), "JPEG", quality=92)
        full = Image.open(io.BytesIO(data)).convert("RGB")
        expected = np.asarray(full.resize((150, 150), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(decode(data, 150, reduced=True) - expected).mean() < 0.5

    def test_it_holds_for_photographs(self, animals8):
        """Photographs of 256 px, asked for at 64 px so that they count as large."""
        differences = []
        for path in sorted(animals8.rglob("*.jpg"))[::71]:
            full = Image.open(path).resize((64, 64), Image.Resampling.BILINEAR)
            difference = np.asarray(full).astype(int) - decode(path.read_bytes(), 64, reduced=True)
            differences.append(np.abs(difference).mean())
        assert np.mean(differences) < 1
        assert np.max(differences) < 2

    def test_large_jpegs_are_decoded_small(self, scene, encode, monkeypatch):
        sizes = {}
        load = ImageFile.ImageFile.load

        def loaded(image):
            found = load(image)
            sizes[image.format] = image.size
            return found

        monkeypatch.setattr(ImageFile.ImageFile, "load", loaded)
        decode(encode(scene(1600, 1200), "JPEG"), 150, reduced=True)
        decode(encode(scene(1600, 1200), "PNG"), 150, reduced=True)
        assert sizes == {"JPEG": (400, 300), "PNG": (1600, 1200)}

    def test_otherwise_pixels_are_those_of_the_whole(self, scene, encode):
        data = encode(scene(1600, 1203), "JPEG", quality=92)
        full = Image.open(io.BytesIO(data)).convert("RGB")
        expected = np.asarray(full.resize((150, 150), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(decode(data, 150), expected)


class TestFitting:
    """Sides and centres are rounded as torchvision's ``Resize`` and ``CenterCrop`` round them."""

    @pytest.mark.parametrize("size", [(500, 375), (333, 500), (17, 90), (97, 61), (3, 2)])
    @pytest.mark.parametrize("short", [24, 29])
    @pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
    def test_a_centre_is_cut_out_of_the_resized_picture(
        self, scene, encode, size, short, orientation
    ):
        data = encode(scene(*size), "PNG", exif=oriented(orientation))
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        width, height = upright.size
        long = int(short * max(size) / min(size))
        fitted = (short, long) if width <= height else (long, short)
        left, top = (round((side - 24) / 2) for side in fitted)
        whole = upright.resize(fitted, Image.Resampling.BICUBIC)
        expected = np.asarray(whole.crop((left, top, left + 24, top + 24)))
        given = decode(data, 24, "crop", shorter_side=short, interpolation="bicubic")
        np.testing.assert_array_equal(given, expected)

    def test_squash_cuts_a_share_too(self, scene, encode):
        image = scene(97, 61)
        whole = image.resize((40, 40), Image.Resampling.BILINEAR)
        expected = np.asarray(whole.crop((4, 4, 36, 36)))
        given = decode(encode(image, "PNG"), 32, "squash", crop=0.8)
        np.testing.assert_array_equal(given, expected)

    def test_sides_that_differ_are_fitted_as_timm_does(self, scene, encode):
        """``ResizeKeepRatio``: 100 x 61 at 20 x 32 and 0.8 is fitted to 41 x 25."""
        image = scene(100, 61)
        whole = image.resize((41, 25), Image.Resampling.BILINEAR)
        expected = np.asarray(whole.crop((4, 2, 36, 22)))
        given = decode(encode(image, "PNG"), (20, 32), "crop", crop=0.8)
        np.testing.assert_array_equal(given, expected)

    def test_a_border_has_the_colour_asked_for(self, scene, encode):
        given = decode(encode(scene(80, 40), "PNG"), 20, "pad", fill=(1, 2, 3))
        assert (given[:5] == (1, 2, 3)).all()
        assert (given[15:] == (1, 2, 3)).all()

    def test_a_picture_as_long_as_a_ribbon_is_cut_without_resizing_all_of_it(self, encode):
        data = encode(Image.new("RGB", (1, 30_000), (9, 99, 199)), "PNG")
        assert (decode(data, 224, "crop") == (9, 99, 199)).all()


class TestOrientation:
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "MPO"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_all_eight_are_applied_as_pillow_applies_them(self, scene, encode, format, orientation):
        options = {"save_all": True, "append_images": [scene(50, 30)]} if format == "MPO" else {}
        data = encode(scene(50, 30), format, exif=oriented(orientation), **options)
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(decode(data, None), np.asarray(turned.convert("RGB")))
        assert (probe(data).width, probe(data).height) == turned.size

    @pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
    @pytest.mark.parametrize("format", ["JPEG", "TIFF"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_size_is_that_of_the_turned_picture_in_draft_too(
        self, scene, encode, format, orientation, resize
    ):
        data = encode(scene(900, 600), format, exif=oriented(orientation))
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        expected = decode(encode(turned, "PNG"), (60, 100), resize).astype(int)
        difference = np.abs(decode(data, (60, 100), resize) - expected)
        assert difference.mean() < 0.5

    @pytest.mark.parametrize("value", [0, 9, 4711])
    def test_an_impossible_orientation_is_ignored(self, scene, encode, value):
        data = encode(scene(50, 30), "PNG", exif=oriented(value))
        np.testing.assert_array_equal(decode(data, None), np.asarray(scene(50, 30)))

    def test_broken_exif_does_not_lose_the_picture(self, scene, encode):
        data = encode(scene(50, 30), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
        assert decode(data, None).shape == (30, 50, 3)
        assert probe(data).width == 50


class TestModes:
    def grey(self, pixels):
        assert (pixels == pixels[..., :1]).all(), "not grey"
        return pixels[..., 0].tolist()

    def test_grey(self, encode):
        image = Image.fromarray(np.array([[0, 100, 255]], dtype=np.uint8))
        assert self.grey(decode(encode(image, "PNG"), None)) == [[0, 100, 255]]

    def test_one_bit(self, encode):
        image = Image.fromarray(np.array([[False, True]]))
        assert self.grey(decode(encode(image, "PNG"), None)) == [[0, 255]]
        assert self.grey(decode(encode(image, "TIFF"), None)) == [[0, 255]]

    def test_grey_with_alpha_lies_over_white(self, encode):
        image = Image.new("LA", (3, 1))
        image.putdata([(100, 255), (100, 0), (0, 51)])
        assert self.grey(decode(encode(image, "PNG"), None)) == [[100, 255, 204]]

    @pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
    def test_colour_with_alpha_lies_over_white(self, encode, format):
        image = Image.new("RGBA", (2, 1))
        image.putdata([(200, 0, 50, 51), (9, 8, 7, 0)])
        pixels = decode(encode(image, format, **LOSSLESS[format]), None)
        np.testing.assert_allclose(pixels, [[[244, 204, 214], [255, 255, 255]]], atol=1)

    @pytest.mark.parametrize("format", ["PNG", "GIF"])
    def test_palette(self, encode, scene, format):
        image = scene(30, 20).quantize(16)
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(decode(encode(image, format), None), expected)

    @pytest.mark.parametrize("format", ["PNG", "GIF"])
    def test_palette_with_a_transparent_entry(self, encode, format):
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 40, 50, 60])
        image.putdata([0, 1])
        pixels = decode(encode(image, format, transparency=1), None)
        assert pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]

    def test_palette_with_alpha_for_each_entry(self, encode):
        image = Image.new("P", (2, 1))
        image.putpalette([0, 0, 0, 40, 50, 60])
        image.putdata([0, 1])
        pixels = decode(encode(image, "PNG", transparency=bytes([51, 255])), None)
        assert pixels.tolist() == [[[204, 204, 204], [40, 50, 60]]]

    def test_rgb_with_a_transparent_colour(self, encode):
        image = Image.new("RGB", (2, 1), (1, 2, 3))
        image.putpixel((0, 0), (9, 9, 9))
        pixels = decode(encode(image, "PNG", transparency=(1, 2, 3)), None)
        assert pixels.tolist() == [[[9, 9, 9], [255, 255, 255]]]

    @pytest.mark.parametrize("colour", [(255, 0, 0), (20, 180, 90), (255, 255, 255), (0, 0, 0)])
    @pytest.mark.parametrize("format", ["JPEG", "TIFF"])
    def test_cmyk_keeps_its_colours_though_jpeg_stores_them_inverted(self, encode, format, colour):
        data = encode(Image.new("RGB", (16, 16), colour).convert("CMYK"), format)
        assert probe(data).mode == "CMYK"
        np.testing.assert_allclose(decode(data, 8), np.broadcast_to(colour, (8, 8, 3)), atol=3)

    def test_ycbcr(self, encode):
        data = encode(Image.new("RGB", (4, 4), (20, 180, 90)).convert("YCbCr"), "TIFF")
        np.testing.assert_allclose(decode(data, 2)[0, 0], (20, 180, 90), atol=3)

    @pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM", "JPEG2000"])
    def test_sixteen_bit_grey_is_scaled_not_clipped(self, encode, format):
        levels = np.array([[0, 7, 100, 200, 254, 255]], dtype=np.uint16)
        image = Image.fromarray(levels * 257)
        data = encode(image, format)
        assert self.grey(decode(data, None)) == levels.tolist()

    def test_every_level_of_sixteen_bit_grey_is_rounded(self, encode):
        levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
        expected = np.rint(levels / 257)
        pixels = decode(encode(Image.fromarray(levels), "PNG"), None)
        np.testing.assert_array_equal(pixels, np.stack([expected] * 3, axis=2))

    def test_big_endian_sixteen_bit_grey(self, encode):
        image = Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 257 * 3, 257 * 250))
        data = encode(image, "TIFF")
        assert probe(data).mode == "I;16B"
        assert self.grey(decode(data, None)) == [[3, 250]]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0.0, 0.2, 1.0], [0, 51, 255]),
            ([0.0, 51.0, 255.0], [0, 51, 255]),
            ([0.0, 5140.0, 65535.0], [0, 20, 255]),
            ([-10.0, 0.0, 10.0], [0, 128, 255]),
            ([np.nan, -np.inf, np.inf, 0.2], [0, 0, 255, 51]),
            ([np.nan, np.nan], [0, 0]),
            ([7e9, 7e9], [0, 0]),
            ([-3e38, 3e38], [0, 255]),
        ],
    )
    def test_floats_take_the_narrowest_usual_range(self, encode, values, expected):
        data = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
        with np.errstate(all="raise"):
            assert self.grey(decode(data, None)) == [expected]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 1, 255], [0, 1, 255]),
            ([0, 257 * 20, 65535], [0, 20, 255]),
            ([-1000, 0, 1000], [0, 128, 255]),
            ([0, 10**9], [0, 255]),
        ],
    )
    def test_integers_take_the_narrowest_usual_range(self, encode, values, expected):
        data = encode(Image.fromarray(np.array([values], dtype=np.int32)), "TIFF")
        assert self.grey(decode(data, None)) == [expected]

    def test_a_mode_without_a_conversion_is_refused(self, encode):
        data = encode(Image.new("LAB", (4, 4)), "TIFF")
        for read in (probe, lambda data: decode(data, 4)):
            with pytest.raises(ImageError, match="LAB is not supported; save it as RGB"):
                read(data)


class TestAnimation:
    @pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_the_first_frame_is_the_picture(self, encode, format):
        frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
        options = LOSSLESS.get(format, {})
        data = encode(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert probe(data).frames == 3
        assert (decode(data, None) == (255, 0, 0)).all()

    def test_a_still_picture_has_one_frame(self, encode, noise):
        assert probe(encode(noise, "PNG")).frames == probe(encode(noise, "JPEG")).frames == 1
