"""Files that are no picture of a kind that is read: each is called what it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from embedlens.images import ImageError, decode, probe
from embedlens.images.other_formats import describe_format
from embedlens.images.source import may_be_picture

FILES = {
    "DICOM": b"\0" * 128 + b"DICM" + b"\2\0\0\0UL" + b"\0" * 60,
    "JPEG XL": b"\xff\x0a" + b"\x10" * 40,
    "JPEG XL ": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9'/>",
    "SVG ": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made -->\n<!DOCTYPE svg PUBLIC "x">\n<svg/>',
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "git-annex": b"../../.git/annex/objects/x9/SHA256E-s1--a.jpg",
    "HTML": b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>",
    "HTML ": b"\n<HTML><body>Sign in</body></HTML>",
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "JSON": b'{"message": "Not Found"}',
    "text": b"The picture that was here has been removed by its owner.",
    "PSD": b"8BPS\0\1" + b"\0" * 40,
    "PDF": b"%PDF-1.7\n%\xe2\xe3",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "MP4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "QuickTime": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    "WebM": b"\x1aE\xdf\xa3" + b"\1" * 40,
    "AVI": b"RIFF\x24\0\0\0AVI LIST",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 60,
    "RAF": b"FUJIFILMCCD-RAW 0201FF",
    "ORF": b"IIRO\x08\0\0\0" + b"\0" * 40,
    "RW2": b"IIU\0\x18\0\0\0" + b"\0" * 40,
    "XCF": b"gimp xcf v011\0",
    "FITS": b"SIMPLE  =                    T",
    "OpenEXR": b"v/1\x01\2\0\0\0",
    "NumPy": b"\x93NUMPY\1\0",
    "zip": b"PK\x03\x04\x14\0",
    "macOS": b"\0\x05\x16\x07\0\2\0\0",
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("kind", FILES)
def test_it_is_named_with_what_to_do(kind):
    for read in (probe, lambda data: decode(data, 8)):
        with pytest.raises(ImageError) as told:
            read(FILES[kind])
        assert kind.strip() in str(told.value)
        assert str(told.value).startswith(
            ("not a picture but", "HEIC is", "DICOM is", "JPEG XL is")
        )
        assert ";" in str(told.value) or "," in str(told.value)


@pytest.mark.parametrize(
    ("length", "cut"),
    [(20, False), (21, True), (1, False), (0, False), (3, False)],
    ids=["whole", "cut off", "64 bits", "to the end", "broken"],
)
def test_an_avif_is_cut_off_where_its_boxes_say_so_and_else_not_supported(length, cut):
    start = b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"
    box = length.to_bytes(4, "big") + b"mdat" + (20).to_bytes(8, "big") + b"\1\2\3\4"
    told = describe_format(start + box)
    assert told.startswith("truncated" if cut else "AVIF is not supported")
    assert describe_format(start + b"\0\0\0\1mdat" + (99).to_bytes(8, "big")).startswith("trunc")


def raw_file(**options):
    """A file of a small preview and of what a sensor saw, the one within the other or not."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((12, 16, 3), np.uint8), photometric="rgb", **options)
        writer.write(np.zeros((120, 160), np.uint16), photometric="cfa")
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [{"extratags": [(50706, "B", 4, (1, 4, 0, 0), True)]}, {"subfiletype": 1, "subifds": 1}],
    ids=["DNG", "preview first"],
)
def test_the_preview_of_a_raw_file_is_not_taken_for_the_picture(options):
    with pytest.raises(ImageError, match="camera raw file; export it as JPEG"):
        probe(raw_file(**options))


def test_what_is_nothing_known_is_told_so():
    assert describe_format(b"\x99\x98\x97") == "not a picture, or its header is broken"


def test_a_pdf_among_the_pictures_is_opened_and_so_told():
    assert may_be_picture("cat/1.pdf")


@given(st.binary(max_size=600))
def test_any_bytes_give_a_sentence(data):
    assert describe_format(data)
