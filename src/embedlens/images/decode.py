"""Decoding one picture: bytes in, an RGB array out, or an `ImageError` that says why not."""

from __future__ import annotations

import functools
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from embedlens.errors import ImageSetError
from embedlens.images import tiff
from embedlens.images.fitting import Fitting
from embedlens.images.levels import DeepRange, Levels, eight_bits, kind_name, range_of
from embedlens.images.other_formats import TRUNCATED, describe_format
from embedlens.images.perceptual_hash import perceptual_hash
from embedlens.images.resampling import can_resize, resized

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

# Pillow's own error threshold: 512 MB of RGB, and above every photograph of a 150-megapixel camera.
MAX_PIXELS = 178_956_970

# A fixed list: Pillow's other readers are rare in photographs, recognise files too readily (TGA),
# or start other programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM")

_MODES = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "I", "F"}
Colour = tuple[int, int, int]
GREY: Colour = (128, 128, 128)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations whose stored columns, and rows, run the other way once they are upright.
_MIRRORED = ({2, 3, 6, 7}, {3, 4, 7, 8})
_BLACK: Colour = (0, 0, 0)

# Where it may, a large JPEG is decoded at a half, quarter or eighth of its size while that leaves
# this many times the pixels asked for along each side. Features of pictures so decoded were
# measured against decoding in full, at 64 and 71 pixels, on 14 photographs of 0.2 to 2 megapixels:
# at 2 the least cosine was .997 to .999 for three networks, at 8 still .9994 to .9999. A fifth of
# the time at 12 megapixels is not worth that to an embedding; to a thumbnail it is.
_DRAFT_MARGIN = 2

# Side of the smallest JPEG that is reduced while it is looked over: twice that of its hash.
_LOOKS = 64

# Larger pictures are decoded one at a time, so that memory does not grow with the threads.
_SHARED_PIXELS = 2**25
_large = threading.Lock()


# Without a handler anywhere, logging would print what Pillow says of broken files.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class ImageError(ImageSetError):
    """One picture cannot be decoded; the message is a short reason."""


@dataclass(frozen=True)
class Probe:
    """What a picture says of itself, known to decode.

    Attributes
    ----------
    width, height : int
        Pixels, after the EXIF orientation.
    format : str
        Pillow's name of the format found in the bytes, whatever the suffix: ``"JPEG"``, ``"PNG"``.
    mode : str
        Pillow's name of the stored pixels: ``"RGB"``, ``"CMYK"``, ``"P"``.
    frames : int
        1, or more in an animation; only the first is ever used.
    hash : int
        Its `perceptual_hash`, 0 where there is none.
    deep : DeepRange, optional
        Of pixels of more than eight bits that do not say what is black and white.
    """

    width: int
    height: int
    format: str
    mode: str
    frames: int
    hash: int
    deep: DeepRange | None = None


def decode(
    data: bytes,
    size: int | tuple[int, int] | None,
    resize: str = "squash",
    levels: Levels | None = None,
    *,
    crop: float = 1.0,
    shorter_side: int | None = None,
    interpolation: str = "bilinear",
    fill: Colour = GREY,
    reduced: bool = False,
    centre: str = "nearest",
) -> npt.NDArray[np.uint8]:
    """Decode a picture to RGB and resize it with antialiasing.

    The format is told by the bytes. The EXIF orientation is applied; alpha is laid over white; an
    animation gives its first frame; colour profiles are ignored, as Keras and torchvision ignore
    them. Pixels of more than eight bits that do not say what is black and white, in PNG, TIFF and
    PFM, take `levels`, or by themselves the usual range that holds them (see `DeepRange`).

    Parameters
    ----------
    data : bytes
        The file.
    size : int, (int, int) or None
        Side of the square, or (height, width), in pixels; None keeps the picture's own size.
    resize : {"squash", "crop", "pad"}, default="squash"
        "squash" gives up the aspect ratio and loses nothing of the picture, as the study did;
        "crop" fits the short side and takes the centre; "pad" fits the long side and fills the
        rest. Sides and centres are rounded as torchvision and timm round them (see `Fitting`).
    levels : (float, float), optional
        Black and white of deep pixels that do not say them, as the pictures of a set share them.
    crop : float, default 1.0
        How much of the fitted sides the centre keeps. At 0.875 and 224 pixels the short side, of
        "squash" both, is fitted to 256, of which 32 fall away.
    shorter_side : int, optional
        To how many pixels the short side is fitted, where no share says it exactly.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}, default "bilinear"
        Pillow's.
    fill : (int, int, int), default neutral grey, 128
        The colour of what "pad" adds.
    reduced : bool, default False
        Whether a large JPEG may be decoded at a half to an eighth of its size: for looking at, not
        for embedding, in a fifth of the time at 12 megapixels.
    centre : {"nearest", "before"}, default "nearest"
        Where the centre begins between two pixels; see `Fitting`.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    ImageError
        The bytes are empty, no picture, truncated, or a picture of more than `MAX_PIXELS` pixels,
        which is read from the header before anything is decoded.
    ImageSetError
        `size`, `resize`, `crop`, `shorter_side` or `interpolation` is none of the above.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("L", (40, 20), 200).save(file, "PNG")
    >>> decode(file.getvalue(), 10, "pad")[:, 5, 0]
    array([128, 128, 200, 200, 200, 200, 200, 128, 128, 128], dtype=uint8)
    """
    target = _target(size)
    fitting = Fitting(target or (1, 1), resize, crop, shorter_side, centre)
    if interpolation not in INTERPOLATIONS:
        raise ImageSetError(
            f"interpolation {interpolation!r} is unknown; use one of {', '.join(INTERPOLATIONS)}"
        )
    with _opened(data, levels) as image:
        stored, whole = image.size, None
        if reduced and target is not None and image.format in ("JPEG", "MPO"):
            needed = _turned(fitting.scaled(_upright(image)), _orientation(image))
            drafted = image.draft(None, (_DRAFT_MARGIN * needed[0], _DRAFT_MARGIN * needed[1]))
            whole = drafted[1][2:] if drafted else None
        with _turn_to_decode(image):
            image.load()
            orientation = _orientation(image)
            fitted = _opaque(image, levels)
            if whole is None and orientation in _TURNS:
                # Before it is resized, as the libraries turn it: Pillow rounds between its passes.
                fitted, orientation = fitted.transpose(_TURNS[orientation]), 1
            if target is not None:
                size_there = stored if whole else fitted.size
                place = _Place.of(fitting, _turned(size_there, orientation), orientation)
                fitted = place.cut(fitted, whole, INTERPOLATIONS[interpolation])
    if orientation in _TURNS:
        fitted = fitted.transpose(_TURNS[orientation])
    if target is not None and fitted.size != target:
        fitted = _padded(fitted, target, fill if resize == "pad" else _BLACK)
    return np.array(fitted if fitted.mode == "RGB" else fitted.convert("RGB"))


def probe(data: bytes) -> Probe:
    """Look a picture over at the least cost that still proves that it decodes.

    A JPEG is decoded at a half to an eighth of its size, which reads every bit of the file; others
    in full.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Probe

    Raises
    ------
    ImageError
        As in `decode`.
    """
    with _opened(data, None) as image:
        mode, size = image.mode, image.size
        drafted = image.draft("L", (_LOOKS, _LOOKS))
        with _turn_to_decode(image):
            image.load()
            deep = _deep_range(image)
            seen = _opaque(image, deep.levels if deep else None)
        # Pillow turns a TIFF itself while loading it, so its size is known only now.
        orientation = _orientation(image)
        width, height = _turned(size if drafted else image.size, orientation)
        if orientation in _TURNS:
            seen = seen.transpose(_TURNS[orientation])
        looks = perceptual_hash(seen, min(width, height))
        return Probe(width, height, image.format or "", mode, _frames(image), looks, deep)


def deep_kind(data: bytes) -> str | None:
    """Return the kind of a picture's pixels, by its header alone.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    str or None
        `DeepRange.kind`; None of pixels of eight bits, or that say what is black and white.

    Raises
    ------
    ImageError
        As in `decode`, where the header tells.
    """
    with _told_as_image_errors(data):
        image = _header(data)
        if image is None:
            return tiff.deep_kind(data, MAX_PIXELS)
        with image:
            return _kind(image)


def _target(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """`size` as Pillow's (width, height)."""
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ImageSetError(f"size {size} is too small; it is one or two numbers of pixels >= 1")
    return width, height


@contextmanager
def _opened(data: bytes, levels: Levels | None) -> Iterator[Image.Image]:
    """Open a picture, of a deep TIFF that Pillow does not read one in eight bits."""
    with _told_as_image_errors(data), _header(data) or _deep_tiff(data, levels) as image:
        yield image


@contextmanager
def _told_as_image_errors(data: bytes) -> Iterator[None]:
    """Whatever a reader raises, then or while its picture is used, becomes an ImageError."""
    if not data:
        raise ImageError("the file is empty")
    try:
        with _silence:
            yield
    except ImageError:
        raise
    except tiff.UnreadableTiff as error:
        raise ImageError(str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageError(describe_format(data)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large: more than {MAX_PIXELS:,} pixels") from error
    except MemoryError as error:
        raise ImageError("not enough memory to decode it") from error
    except Exception as error:  # a broken file makes Pillow raise almost anything
        if "truncated" in str(error).lower():
            raise ImageError(TRUNCATED) from error
        raise ImageError(f"broken or truncated: {error or type(error).__name__}") from error


def _header(data: bytes) -> Image.Image | None:
    """Return a picture that Pillow has opened, None of a deep TIFF that it does not read right."""
    is_tiff = data.startswith(tiff.MAGIC)
    try:
        image = Image.open(io.BytesIO(data), formats=_formats())
    except UnidentifiedImageError:
        if is_tiff and not describe_format(data).startswith("not a picture but"):
            return None
        raise
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError
    if is_tiff and image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        if tiff.is_raw(tags):
            raise ImageError("not a picture but a camera raw file; export it as JPEG or PNG")
        if tiff.is_narrowed(tags, image.mode):
            return None
    if image.mode not in _MODES and not image.mode.startswith("I;16"):
        raise ImageError(f"its colour mode {image.mode} is not supported; save it as RGB")
    return image


def _deep_tiff(data: bytes, levels: Levels | None) -> Image.Image:
    with _large:
        read = tiff.read_tiff(data, MAX_PIXELS)
        image = read.image(levels)
    image.format = "TIFF"
    image.info |= {"deep": None if read.stated else read.range, "frames": read.frames}
    image.getexif()[_ORIENTATION] = read.orientation
    return image


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow reads."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


class _Silence:
    """Ignores Pillow's warnings while any thread is inside.

    `warnings.catch_warnings` swaps a global, so threads that overlap would restore each other's
    filters; here the first one in sets them and the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


_silence = _Silence()


def _turn_to_decode(image: Image.Image) -> threading.Lock | nullcontext[None]:
    width, height = image.size
    return _large if width * height > _SHARED_PIXELS else nullcontext()


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken EXIF is no reason to lose the picture
        return 1


def _frames(image: Image.Image) -> int:
    try:
        return int(image.info.get("frames", 0)) or int(getattr(image, "n_frames", 1))
    except Exception:  # later frames are not used, so they may be broken
        return 1


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if 5 <= orientation <= 8 else size


def _upright(image: Image.Image) -> tuple[int, int]:
    return _turned(image.size, _orientation(image))


@dataclass(frozen=True)
class _Place:
    """Which part of a resized picture is kept, in the orientation that is stored."""

    scaled: tuple[int, int]
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, fitting: Fitting, size: tuple[int, int], orientation: int) -> _Place:
        """Find it for a picture of a size, upright, that is stored in an orientation."""
        scaled = fitting.scaled(size)
        spans = [
            (max(0, start), min(side, start + wanted))
            for start, wanted, side in zip(
                fitting.corner(scaled), fitting.target, scaled, strict=True
            )
        ]
        for axis, mirrored in enumerate(_MIRRORED):
            if orientation in mirrored:
                side = scaled[axis]
                spans[axis] = (side - spans[axis][1], side - spans[axis][0])
        (left, right), (top, bottom) = spans[::-1] if 5 <= orientation <= 8 else spans
        return cls(_turned(scaled, orientation), (left, top, right, bottom))

    def cut(
        self,
        image: Image.Image,
        whole: tuple[float, float] | None,
        interpolation: Image.Resampling,
    ) -> Image.Image:
        """Resize a picture, of which `whole` is not border, and cut the part out.

        Resizing the part alone is quicker, and gives other pixels in their last bit: Pillow rounds
        between its two passes, and their order depends on the shape. So that is for pictures so
        long that the whole of them would not fit into memory.
        """
        width, height = whole or image.size
        left, top, right, bottom = self.box
        if self.scaled[0] * self.scaled[1] <= _SHARED_PIXELS:
            if whole is None and can_resize(image, self.scaled, interpolation):
                return Image.fromarray(resized(image, self.scaled, self.box, interpolation))
            fitted = image.resize(self.scaled, interpolation, box=(0, 0, width, height))
            return fitted if self.box == (0, 0, *self.scaled) else fitted.crop(self.box)
        x, y = width / self.scaled[0], height / self.scaled[1]
        part = left * x, top * y, min(right * x, width), min(bottom * y, height)
        return image.resize((right - left, bottom - top), interpolation, box=part)


def _padded(image: Image.Image, target: tuple[int, int], fill: Colour) -> Image.Image:
    canvas = Image.new("RGB", target, fill)
    canvas.paste(image, ((target[0] - image.width) // 2, (target[1] - image.height) // 2))
    return canvas


def _opaque(image: Image.Image, levels: Levels | None) -> Image.Image:
    """Grey or RGB of eight bits, with no copy that is not needed: it may be large."""
    if _is_deep(image):
        return Image.fromarray(_eight_bits(image, levels))
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque = Image.new("RGB", rgba.size, "white")
        opaque.paste(rgba, mask=rgba)
        return opaque
    mode = "L" if image.mode in ("1", "L") else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _is_deep(image: Image.Image) -> bool:
    return image.mode == "F" or image.mode.startswith("I")


def _eight_bits(image: Image.Image, levels: Levels | None) -> npt.NDArray[np.uint8]:
    tags = _tags(image)
    deep = _deep_range(image)
    stated = tiff.stated_levels(tags) or (0.0, 65535.0)
    shades = eight_bits(_numbers(image), (levels or deep.levels) if deep else stated)
    return 255 - shades if tiff.is_inverted(tags) else shades


def _deep_range(image: Image.Image) -> DeepRange | None:
    """Return the range of a loaded picture's pixels, None where they state black and white."""
    if "deep" in image.info:
        found: DeepRange | None = image.info["deep"]
        return found
    kind = _kind(image)
    if kind is None:
        return None
    if image.format == "TIFF":
        return tiff.deep_range(_numbers(image), _tags(image))
    return DeepRange(kind, *range_of(_numbers(image)))


def _kind(image: Image.Image) -> str | None:
    """Return the kind of an opened picture's pixels; None where they state black and white."""
    if not _is_deep(image):
        return None
    if image.format == "TIFF":
        stated = tiff.stated_levels(_tags(image))
        return None if stated else kind_name(_number_type(image), "TIFF")
    if image.format == "PPM" and image.mode == "F":
        return kind_name(_number_type(image), "PFM")
    # PPM of whole numbers and JPEG 2000 state the largest number, and Pillow scales by it.
    return "16-bit PNG" if image.format == "PNG" else None


def _numbers(image: Image.Image) -> npt.NDArray[Any]:
    return np.asarray(image).astype(_number_type(image), copy=False)


def _number_type(image: Image.Image) -> np.dtype[Any]:
    """Return the type that deep pixels have in the file, which Pillow's own may not be."""
    if image.mode.startswith("I;16"):
        return np.dtype(np.uint16)
    if image.mode == "I" and image.format == "TIFF":
        sample, bits = (
            _first(_tags(image).get(tag, default)) for tag, default in ((339, 1), (258, 16))
        )
        return np.dtype(("u" if sample == 1 else "i") + ("4" if bits > 16 else "2"))
    return np.dtype(np.float32 if image.mode == "F" else np.int32)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})
