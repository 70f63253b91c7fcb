"""Pixels of more than eight bits: whatever their numbers mean, the same picture comes out."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from embedlens.errors import StudyError
from embedlens.images import ImageError, ImageSet, decode, probe
from embedlens.images.decode import deep_kind
from embedlens.images.levels import DeepRange, eight_bits, shared_ranges
from embedlens.images.record import content_id
from embedlens.results.pictures import shared_levels

# Every shade, in an order that no mirror image shares.
SHADES = ((np.arange(80 * 120) * 7) % 256).reshape(80, 120).astype(np.uint8)
COLOURS = np.stack([SHADES, SHADES[::-1], SHADES[:, ::-1]], axis=2)


def tiff(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def off(data, expected):
    return np.abs(decode(data, None).astype(int) - expected.astype(int)).max()


GREY = {
    "uint16": SHADES.astype("u2") * 257,
    "uint16, 8 bits": SHADES.astype("u2"),
    "uint16, 10 bits": np.rint(SHADES * (1023 / 255)).astype("u2"),
    "uint16, 12 bits": np.rint(SHADES * (4095 / 255)).astype("u2"),
    "uint16, 14 bits": np.rint(SHADES * (16383 / 255)).astype("u2"),
    "int16": np.rint(SHADES * (4095 / 255)).astype("i2"),
    "int16 with less than nothing": SHADES.astype("i2") * 12 - 1024,
    "uint32": SHADES.astype("u4") * 2**24,
    "uint32, 16 bits": SHADES.astype("u4") * 257,
    "int32": SHADES.astype("i4") * 8_000_000,
    "uint64": SHADES.astype("u8") * 2**55,
    "int8": (SHADES.astype(int) - 128).astype("i1"),
    "float16": (SHADES / 255).astype("f2"),
    "float32": (SHADES / 255).astype("f4"),
    "float32 to 255": SHADES.astype("f4"),
    "float64": SHADES / 255,
    "float64 to 65535": SHADES * 257.0,
}


class TestGrey:
    @pytest.mark.parametrize("kind", GREY)
    @pytest.mark.parametrize(
        "options",
        [{}, {"byteorder": ">"}, {"bigtiff": True}, {"compression": "zlib"}, {"tile": (32, 32)},
         {"rowsperstrip": 7}],
        ids=str,
    )  # fmt: skip
    def test_every_type_of_number_gives_the_same_shades(self, kind, options):
        data = tiff(GREY[kind], **options)
        assert off(data, SHADES[..., None]) <= 1
        assert (probe(data).width, probe(data).height, probe(data).format) == (120, 80, "TIFF")

    @pytest.mark.parametrize("kind", ["uint16", "uint16, 12 bits", "uint32, 16 bits"])
    def test_zero_may_be_white(self, kind):
        white = {"uint16": 65535, "uint16, 12 bits": 4095, "uint32, 16 bits": 65535}[kind]
        values = (white - GREY[kind].astype(np.int64)).astype(GREY[kind].dtype)
        assert off(tiff(values, photometric="miniswhite"), SHADES[..., None]) <= 1
        eight = tiff(255 - SHADES, photometric="miniswhite")
        assert off(eight, SHADES[..., None]) == 0

    def test_the_largest_number_that_a_tag_names_is_heeded(self):
        dark = (SHADES // 8).astype("u2")
        tagged = tiff(dark, extratags=[(281, "H", 1, 4000, True)])
        assert probe(tagged).deep == DeepRange("16-bit TIFF", 0, 4000)
        assert off(tagged, np.rint(dark * (255 / 4095))[..., None]) == 0

    @pytest.mark.parametrize("named", [65535, 3])
    def test_a_tag_that_says_nothing_or_less_than_the_data_is_not(self, named):
        data = tiff(GREY["uint16, 12 bits"], extratags=[(281, "H", 1, named, True)])
        assert probe(data).deep == DeepRange("16-bit TIFF", 0, 4095)

    def test_a_png_of_twelve_bits_is_not_nearly_black(self, encode):
        data = encode(Image.fromarray(GREY["uint16, 12 bits"]), "PNG")
        assert off(data, SHADES[..., None]) <= 1
        assert probe(data).deep == DeepRange("16-bit PNG", 0, 4095)

    def test_a_pgm_states_its_white(self):
        data = b"P5\n120 80\n4095\n" + GREY["uint16, 12 bits"].astype(">u2").tobytes()
        assert off(data, SHADES[..., None]) <= 1
        assert probe(data).deep is None

    def test_numbers_that_are_none_are_black_or_clipped(self):
        values = np.array([[np.nan, -np.inf, np.inf, 0.2, 1.0]], dtype="f8")
        assert decode(tiff(values), None)[0, :, 0].tolist() == [0, 0, 255, 51, 255]


class TestPfm:
    """PPM's float form: grey floats of 32 bits, of which nothing says what is white."""

    @pytest.mark.parametrize("white", [1, 255, 4095, 65535])
    def test_its_numbers_give_the_shades_of_a_float_tiff(self, white, encode):
        values = Image.fromarray((SHADES * (white / 255)).astype("f4"))
        assert off(encode(values, "PPM"), SHADES[..., None]) == 0
        assert off(encode(values, "PPM"), decode(encode(values, "TIFF"), None)) == 0
        assert probe(encode(values, "PPM")).deep.levels == (0, white)

    def test_pictures_of_a_set_share_one_white(self, tmp_path, encode):
        for name, value in {"cat/a": 0.5, "cat/b": 0.25, "dog/c": 51, "dog/d": 102}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode(Image.fromarray(np.full((8, 8), value, "f4")), "PPM"))
        images = ImageSet.read(tmp_path)
        assert images.shared_levels == {"float 32-bit PFM": (0, 255)}
        assert [images.pixels(i, None)[0, 0, 0] for i in range(4)] == [0, 0, 51, 102]

    def test_what_an_earlier_version_kept_of_it_is_read_again(self, tmp_path, encode):
        """It took 0 to 65,535 as its range, and kept no kinds."""
        photos, known = tmp_path / "p", tmp_path / "images.parquet"
        for name, value in {"cat/a": 10, "dog/c": 51}.items():
            path = photos / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(Image.fromarray(np.full((8, 8), value, "f4")), "PPM"))
        images = ImageSet.read(photos)
        earlier = images.to_frame().drop(columns="kind")
        earlier[["black", "white"]] = np.nan
        earlier["id"] = [content_id(images.read_bytes(i)) for i in range(2)]
        earlier.to_parquet(known, index=False, write_page_checksum=True)
        assert ImageSet.read(photos, known=known).fingerprint == images.fingerprint


class TestColour:
    @pytest.mark.parametrize("planar", ["contig", "separate"])
    @pytest.mark.parametrize("kind", ["u2", "12 bits", "f2", "f4", "f8"])
    def test_deep_colours_come_out_right(self, kind, planar):
        values = {
            "u2": COLOURS.astype("u2") * 257,
            "12 bits": np.rint(COLOURS * (4095 / 255)).astype("u2"),
        }.get(kind)
        values = (COLOURS / 255).astype(kind) if values is None else values
        stored = np.moveaxis(values, 2, 0) if planar == "separate" else values
        data = tiff(stored, photometric="rgb", planarconfig=planar)
        assert off(data, COLOURS) <= 1

    def test_deep_alpha_lies_over_white(self):
        values = np.full((8, 8, 4), 65535, "u2")
        values[..., :3] = 0
        values[:4, :, 3] = 0
        data = tiff(values, photometric="rgb", extrasamples=["unassalpha"])
        pixels = decode(data, None)
        assert (pixels[:4] == 255).all()
        assert (pixels[4:] == 0).all()

    def test_eight_bit_planes_and_palettes_are_read(self, encode):
        assert off(tiff(np.moveaxis(COLOURS, 2, 0), photometric="rgb"), COLOURS) == 0
        palette = Image.fromarray(COLOURS).quantize(32)
        assert off(encode(palette, "TIFF"), np.asarray(palette.convert("RGB"))) == 0

    def test_deep_cmyk_is_turned_into_rgb(self):
        shades = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
        data = tiff(np.repeat(shades, 4, 0).astype("u2") * 257, photometric="separated")
        expected = np.asarray(Image.fromarray(shades, "CMYK").convert("RGB"))
        assert off(data, np.repeat(expected, 4, 0)) <= 1

    def test_the_first_page_is_the_picture(self):
        pages = np.stack([SHADES / 255, np.zeros((80, 120))])
        assert off(tiff(pages, photometric="minisblack"), SHADES[..., None]) == 0
        assert probe(tiff(pages, photometric="minisblack")).frames == 2

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_it_is_turned_upright(self, orientation):
        tag = [(274, "H", 1, orientation, True)]
        deep = decode(tiff(COLOURS / 255, photometric="rgb", extratags=tag), (30, 50))
        shallow = decode(tiff(COLOURS, photometric="rgb", extratags=tag), (30, 50))
        assert np.abs(deep.astype(int) - shallow).max() <= 1
        size = probe(tiff(COLOURS / 255, photometric="rgb", extratags=tag))
        assert (size.width, size.height) == ((120, 80) if orientation < 5 else (80, 120))

    @pytest.mark.parametrize(
        ("values", "reason"),
        [(np.zeros((8, 8, 7), "u2"), "7 channels"), (np.zeros((8, 8), "c8"), "complex64"),
         (np.zeros((8, 8, 6), "f4"), "6 channels")],
    )  # fmt: skip
    def test_what_is_no_picture_is_told(self, values, reason):
        data = tiff(values, photometric="minisblack", planarconfig="contig")
        for read in (probe, lambda data: decode(data, 4)):
            with pytest.raises(ImageError, match=reason):
                read(data)

    def test_a_deep_bomb_is_refused_by_its_header(self):
        data = bytearray(tiff(np.zeros((16, 16), "f8")))
        for tag in (256, 257):
            at = data.index(tag.to_bytes(2, "little") + b"\x04\x00\x01\0\0\0") + 8
            data[at : at + 4] = (12_000).to_bytes(4, "little")
        with pytest.raises(ImageError, match=r"truncated|broken"):
            probe(bytes(data))


class TestSet:
    def write(self, folder, picture, names):
        for name, data in names.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        for label in ("cat", "dog"):
            for number in range(3):
                path = folder / label / f"plain{number}.png"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(picture(10 * ord(label[0]) + number))

    def test_all_pictures_of_a_kind_share_one_white(self, tmp_path, picture):
        """A dark picture stays darker than a bright one."""
        dark, bright = np.full((8, 8), 200, "u2"), np.full((8, 8), 4000, "u2")
        self.write(tmp_path, picture, {"cat/d.tif": tiff(dark), "dog/b.tif": tiff(bright)})
        images = ImageSet.read(tmp_path)
        shades = {p: images.pixels(i, None)[0, 0, 0] for i, p in enumerate(images.paths)}
        assert (shades["cat/d.tif"], shades["dog/b.tif"]) == (12, 249)
        assert [(note.path, note.kind) for note in images.notes] == [("16-bit TIFF", "levels")]
        assert "200 to 4,000, and 0 is taken as black, 4,095 as white" in images.notes[0].reason
        assert images.levels(images.paths.tolist().index("cat/d.tif")) == (0, 4095)
        assert images.levels(images.paths.tolist().index("cat/plain0.png")) is None

    def test_the_id_changes_with_the_white_and_a_known_set_follows(self, tmp_path, picture):
        """Features that are kept by id are of the pixels that were seen."""
        folder, known = tmp_path / "p", tmp_path / "images.parquet"
        folder.mkdir()
        self.write(folder, picture, {"cat/d.tif": tiff(np.full((8, 8), 200, "u2"))})
        before = ImageSet.read(folder)
        before.write(known)
        again = ImageSet.read(folder, known=known)
        assert again.fingerprint == before.fingerprint
        (folder / "dog/b.tif").write_bytes(tiff(np.full((8, 8), 4000, "u2")))
        after = ImageSet.read(folder, known=known)
        assert after.fingerprint == ImageSet.read(folder).fingerprint
        ids = [dict(zip(each.paths, each.ids, strict=True)) for each in (before, after)]
        assert ids[0]["cat/d.tif"] != ids[1]["cat/d.tif"]
        assert ids[0]["cat/plain0.png"] == ids[1]["cat/plain0.png"]

    def test_full_sixteen_bits_are_nothing_to_tell(self, tmp_path, picture):
        self.write(tmp_path, picture, {"cat/d.tif": tiff(GREY["uint16"])})
        assert ImageSet.read(tmp_path).notes == ()

    def test_other_pictures_take_the_levels_of_a_set_and_of_other_kinds_their_own(
        self, tmp_path, picture
    ):
        dark, bright = np.full((8, 8), 200, "u2"), np.full((8, 8), 4000, "u2")
        self.write(tmp_path / "p", picture, {"cat/d.tif": tiff(dark), "dog/b.tif": tiff(bright)})
        images = ImageSet.read(tmp_path / "p")
        assert images.shared_levels == {"16-bit TIFF": (0, 4095)}
        new = {
            "copy.tif": tiff(dark),
            "darker.tif": tiff(dark // 2),
            "brighter.tif": tiff(bright * 2),
            "float.tif": tiff(dark.astype("f4") / 1000),
            "other float.tif": tiff(bright.astype("f4")),
        }
        (tmp_path / "new").mkdir()
        for name, data in new.items():
            (tmp_path / "new" / name).write_bytes(data)
        found = ImageSet.read_partly_labelled(tmp_path / "new", levels=images.shared_levels)
        rows = {path: row for row, path in enumerate(found.paths)}
        assert found.ids[rows["copy.tif"]] in images.ids
        levels = {path: found.levels(row) for path, row in rows.items()}
        assert levels == dict.fromkeys(new, (0, 4095)) | {"float.tif": (0, 1)}
        alone = ImageSet.read_partly_labelled(tmp_path / "new")
        assert alone.shared_levels == {"16-bit TIFF": (0, 16383), "float 32-bit TIFF": (0, 4095)}

    def test_two_kinds_of_one_format_have_each_their_white(self, tmp_path, picture):
        whole, real = np.full((8, 8), 4000, "u2"), np.full((8, 8), 0.5, "f4")
        self.write(tmp_path, picture, {"cat/d.tif": tiff(whole), "dog/b.tif": tiff(real)})
        images = ImageSet.read(tmp_path)
        expected = {"16-bit TIFF": (0, 4095), "float 32-bit TIFF": (0, 1)}
        assert images.shared_levels == expected
        assert shared_levels(images.to_frame()) == expected

    def test_a_table_that_keeps_no_kinds_is_believed_where_a_format_has_one_white(
        self, tmp_path, picture
    ):
        """A study of version 0.2.0."""
        whole, real = np.full((8, 8), 4000, "u2"), np.full((8, 8), 0.5, "f4")
        names = {"cat/d.tif": tiff(whole), "dog/b.tif": tiff(whole // 2)}
        self.write(tmp_path, picture, names)
        earlier = ImageSet.read(tmp_path).to_frame().drop(columns="kind")
        for data in names.values():
            assert shared_levels(earlier)[deep_kind(data)] == (0, 4095)
        (tmp_path / "dog/f.tif").write_bytes(tiff(real))
        earlier = ImageSet.read(tmp_path).to_frame().drop(columns="kind")
        with pytest.raises(StudyError, match=r"several kinds in one format.* run it again"):
            shared_levels(earlier)


class TestKind:
    @pytest.mark.parametrize("kind", GREY)
    @pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"}], ids=str)
    def test_the_header_tells_the_kind_of_grey(self, kind, options):
        data = tiff(GREY[kind], **options)
        assert deep_kind(data) == probe(data).deep.kind

    @pytest.mark.parametrize("kind", ["u2", "f2", "f4", "f8"])
    def test_the_header_tells_the_kind_of_colours(self, kind):
        data = tiff(COLOURS.astype(kind), photometric="rgb")
        assert deep_kind(data) == probe(data).deep.kind

    @pytest.mark.parametrize(
        ("format", "modes"),
        [("PNG", "1 L P RGBA I;16"), ("TIFF", "1 L P RGBA I;16 I F"), ("PPM", "1 L RGB I;16 I F"),
         ("JPEG2000", "L RGB I;16"), ("JPEG", "L CMYK")],
    )  # fmt: skip
    def test_the_header_tells_whether_pixels_are_deep(self, format, modes, encode):
        for mode in modes.split():
            data = encode(Image.new("L", (8, 8), 9).convert(mode), format)
            deep = probe(data).deep
            assert deep_kind(data) == (deep.kind if deep else None), mode

    @pytest.mark.parametrize("data", [b"", b"no picture", b"II*\0no picture"])
    def test_what_is_no_picture_is_told(self, data):
        with pytest.raises(ImageError):
            deep_kind(data)


def test_ranges_are_shared_by_kind_alone():
    ranges = [DeepRange("a", 0, 5), DeepRange("a", -1, 3), DeepRange("b", 2, 9)]
    assert shared_ranges(ranges) == {"a": DeepRange("a", -1, 5), "b": DeepRange("b", 2, 9)}


def test_large_integers_keep_their_differences():
    values = np.array([2**40, 2**40 + 1, 2**40 + 2], np.int64)
    assert eight_bits(values, (2**40, 2**40 + 2)).tolist() == [0, 128, 255]
