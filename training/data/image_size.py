"""Images of different sizes as squares of one size."""

from PIL import Image, ImageOps


def as_square(image: Image.Image, side: int) -> Image.Image:
    """Crop an image in the middle to a square, and resize it to `side` pixels a side, bilinear with antialiasing.

    Up to the rounding of the crop this is torchvision's Resize(side) with CenterCrop(side).
    """
    return ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
