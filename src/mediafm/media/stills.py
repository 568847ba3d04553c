"""Pictures that come as files: the keyframes of a film that is not given out."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mediafm.errors import MediaError
from mediafm.types import ImageArray

_FORMATS = ("JPEG", "PNG", "WEBP")


def read_still(path: Path, short_side: int) -> ImageArray:
    """A picture file as uint8 RGB [h, w, 3], upright, its short side shrunk to the one given (never enlarged).

    Shrinking averages over areas, as for the pictures of a film. Raises MediaError for a file that is missing, damaged,
    cut off, or no JPEG, PNG or WebP.
    """
    try:
        with Image.open(path, formats=_FORMATS) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path} cannot be read as a picture: {error}.", "Fetch the file again.") from error
    shrink = min(1.0, short_side / min(image.size))
    if shrink < 1:
        width, height = (max(1, round(side * shrink)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BOX)
    return np.array(image)
