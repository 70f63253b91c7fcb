"""Telling what a file is that is no picture of a kind that is read, and what to do about it."""

from __future__ import annotations

import re

TRUNCATED = "truncated: the file ends before the picture does"

_AS_JPEG = "convert it to JPEG or PNG"
_EXPORT = "export it as JPEG or PNG"
_FRAMES = "take frames from it and save them as JPEG or PNG"
_UNPACK = "unpack it"
_DOWNLOAD = "download the file itself"

# (place of the first byte, how it begins, what it is, what to do)
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (128, b"DICM", "DICOM", _AS_JPEG),
    (0, b"\xff\x0a", "JPEG XL", _AS_JPEG),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", _AS_JPEG),
    (0, b"8BPS", "a Photoshop document (PSD)", _EXPORT),
    (0, b"%PDF", "a PDF", _EXPORT),
    (0, b"%!PS", "PostScript", _EXPORT),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)", _EXPORT),
    (0, b"gimp xcf", "a GIMP document (XCF)", _EXPORT),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file (RAF)", _EXPORT),
    (0, b"IIRO", "a camera raw file (ORF)", _EXPORT),
    (0, b"IIRS", "a camera raw file (ORF)", _EXPORT),
    (0, b"MMOR", "a camera raw file (ORF)", _EXPORT),
    (0, b"IIU\0", "a camera raw file (RW2)", _EXPORT),
    (6, b"HEAPCCDR", "a camera raw file (CRW)", _EXPORT),
    (8, b"CR\x02", "a camera raw file (CR2)", _EXPORT),
    (0, b"\0MRM", "a camera raw file (MRW)", _EXPORT),
    (0, b"FOVb", "a camera raw file (X3F)", _EXPORT),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", _FRAMES),
    (8, b"AVI ", "a video (AVI)", _FRAMES),
    (0, b"FLV\x01", "a video (FLV)", _FRAMES),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a video (WMV)", _FRAMES),
    (0, b"\0\0\x01\xba", "a video (MPEG)", _FRAMES),
    (0, b"\0\0\x01\xb3", "a video (MPEG)", _FRAMES),
    (0, b"\0\0\x01\0", "an icon (ICO)", _AS_JPEG),
    (0, b"\0\0\x02\0", "a cursor (CUR)", _AS_JPEG),
    (0, b"icns", "an icon (ICNS)", _AS_JPEG),
    (0, b"DDS ", "a texture (DDS)", _AS_JPEG),
    (0, b"v/1\x01", "OpenEXR", _AS_JPEG),
    (0, b"#?RADIANCE", "Radiance HDR", _AS_JPEG),
    (0, b"II\xbc\x01", "JPEG XR", _AS_JPEG),
    (0, b"\xff\xd8\xff\xf7", "JPEG-LS", _AS_JPEG),
    (0, b"qoif", "QOI", _AS_JPEG),
    (0, b"BPG\xfb", "BPG", _AS_JPEG),
    (0, b"FLIF", "FLIF", _AS_JPEG),
    (0, b"AT&TFORM", "DjVu", _EXPORT),
    (0, b"SIMPLE  =", "FITS", _AS_JPEG),
    (344, b"n+1\0", "NIfTI", "save its slices as PNG"),
    (0, b"\x89HDF", "HDF5", "save its pictures as PNG"),
    (0, b"\x93NUMPY", "a NumPy array", "save its pictures as PNG"),
    (0, b"PAR1", "a Parquet table", "give the table itself as the pictures"),
    (0, b"PK\x03\x04", "a zip", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"\x1f\x8b", "a gzip file", _UNPACK),
    (0, b"\0\x05\x16\x07", "what macOS keeps beside a file", "remove it"),
    (0, b"\0\x05\x16\0", "what macOS keeps beside a file", "remove it"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "put the file itself there"),
    (0, b"\x7fELF", "a program", "remove it"),
    (0, b"MZ", "a program", "remove it"),
)  # fmt: skip

# Brands of the container that MP4, HEIC, AVIF and Canon's raw files share.
_BRANDS = (
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC",
     "convert it to JPEG"),
    ((b"avif", b"avis"), "AVIF", "this Pillow cannot read it: install a newer one"),
    ((b"crx ",), "a camera raw file (CR3)", _EXPORT),
    ((b"qt  ",), "a video (QuickTime)", _FRAMES),
    ((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH",
      b"M4VP", b"MSNV", b"dash", b"f4v ", b"mmp4", b"XAVC"), "a video (MP4)", _FRAMES),
    ((b"3gp4", b"3gp5", b"3gp6", b"3g2a"), "a video (3GP)", _FRAMES),
)  # fmt: skip

_TEXTS = (
    (re.compile(r"version https://git-lfs\."), "a Git LFS pointer",
     "fetch the picture: git lfs pull"),
    (re.compile(r"(/annex/objects/|(\.\./)*\.git/annex/objects/)"), "a git-annex pointer",
     "fetch the picture: git annex get"),
    (re.compile(r"(<\?xml.*?)?(<!--.*?-->\s*)*(<!doctype\s+svg.*?)?<(\w+:)?svg\b", re.S | re.I),
     "an SVG drawing", _EXPORT),
    (re.compile(r"(<\?xml.*?)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.S | re.I),
     "a web page (HTML)", _DOWNLOAD),
    (re.compile(r"<\?xml|<\w+[\s>]"), "XML", _DOWNLOAD),
    (re.compile(r"[\[{]"), "JSON or another text", _DOWNLOAD),
)  # fmt: skip


def describe_format(data: bytes) -> str:
    """Say what bytes are that Pillow does not know, and what to do.

    Examples
    --------
    >>> describe_format(b"%PDF-1.7 ...")
    'not a picture but a PDF; export it as JPEG or PNG'
    >>> describe_format(b"?")
    'not a picture, or its header is broken'
    """
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[i : i + 4] for i in range(16, min(len(data), 48), 4))}
        for names, what, todo in _BRANDS:
            if what == "AVIF" and data[8:12] in names and _is_cut_off(data):
                return TRUNCATED
            if data[8:12] in names or (what == "HEIC" and brands & set(names[:6])):
                return _told(what, todo)
        return _told("a video or picture of an unknown brand", _AS_JPEG)
    for place, start, what, todo in _MAGIC:
        if data.startswith(start, place) and (start != b"AVI " or data.startswith(b"RIFF")):
            return _told(what, todo)
    if data[4:8] in (b"moov", b"mdat", b"wide"):
        return _told("a video (QuickTime)", _FRAMES)
    if len(data) > 16 and not data.strip(b"\0"):
        return f"not a picture but {len(data):,} bytes of zeros, as a broken copy leaves them"
    return _describe_text(data) or "not a picture, or its header is broken"


def _is_cut_off(data: bytes) -> bool:
    """Whether a box of an ISO media file says that it ends after the file does."""
    start = 0
    while 0 <= start <= len(data) - 8:
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 1:  # the length did not fit into 32 bits
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        if size < 8:  # 0 is for a box that goes on to the end; others are broken
            return False
        start += size
    return start > len(data)


def _describe_text(data: bytes) -> str:
    start = data[:2048].removeprefix(b"\xef\xbb\xbf")
    try:
        text = start.decode("utf-8").lstrip()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return ""
        text = start[: error.start].decode("utf-8").lstrip()
    for pattern, what, todo in _TEXTS:
        if pattern.match(text):
            return _told(what, todo)
    if len(text) > 32 and all(each.isprintable() or each.isspace() for each in text):
        return _told("a text", _DOWNLOAD)
    return ""


def _told(what: str, todo: str) -> str:
    if what in ("HEIC", "AVIF", "DICOM", "JPEG XL"):
        return f"{what} is not supported; {todo}"
    return f"not a picture but {what}; {todo}"
