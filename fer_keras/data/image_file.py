"""One image file as people see it: upright, opaque, with eight bits a channel."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fer_keras.errors import UserError

# What Pillow is known to raise on files that are no images, damaged, or made to fill the memory.
_UNDECODABLE = (
    *(OSError, SyntaxError, ValueError, TypeError, EOFError, RuntimeError, LookupError, ArithmeticError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
_DARKEST = 2**12  # an image of 16 bits whose brightest pixel is below is one of fewer bits, and would become black


def read_image(path: Path | str, mode: str) -> Image.Image:
    """Decode an image file: the first picture in it, turned as its EXIF data say that the camera was held.

    What is transparent becomes white. Sixteen bits a pixel are scaled to eight, never clipped.

    Args:
        mode: "L" for gray (of a colour its luma, ITU-R 601), "RGB" for colour.

    Raises:
        UserError: the file cannot be decoded, or has pixels whose range is not known (32 bits, floating point, or 16
            bits of which the upper ones are not used).
    """
    try:
        with Path(path).open("rb") as file, Image.open(file) as image:  # a path Pillow may map into memory, unturned
            image.load()
            form = image.format
            if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                image = ImageOps.exif_transpose(image)
            return _opaque(_eight_bits(image, form)).convert(mode)
    except _UNDECODABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):  # whose text is the file's name once more
            reason = "nothing known as one, or only its beginning" if Path(path).stat().st_size else "an empty file"
        raise UserError(f"{path} cannot be decoded. Expected a whole image, received: {reason}") from None


def is_image(path: Path) -> bool:
    """Tell whether a file begins as an image does, whatever its name."""
    try:
        with of_any_size(), Image.open(path):
            return True
    except _UNDECODABLE:
        return False


def software_of(path: Path | str) -> str | None:
    """Return by what program an image file says that it was made; None where it does not, or is no image."""
    try:
        with of_any_size(decoded=False), Image.open(path) as image:
            return image.info.get("Software")
    except _UNDECODABLE:
        return None


@contextmanager
def of_any_size(*, decoded: bool = True) -> Iterator[None]:
    """Let images be opened without Pillow's warning, from 89 megapixels on, which telephones reach. From 179 on it
    refuses those that are to be decoded. Not for several threads at once."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = limit if decoded else None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _eight_bits(image: Image.Image, form: str | None) -> Image.Image:
    # `convert` would clip at 255. Pillow scales a PGM of more than eight bits to 0..65535, whatever its own maximum.
    if image.mode.startswith("I;16") or (image.mode == "I" and form == "PPM"):
        pixels = np.asarray(image).astype(np.uint32)
        if form != "PPM" and 0 < pixels.max() < _DARKEST:
            raise ValueError(f"16 bits a pixel, but values up to {pixels.max()} alone; convert them to 8 bits")
        return Image.fromarray((pixels >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("pixels of 32 bits, whose range is not known; convert them to 8 or 16 bits")
    return image


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
