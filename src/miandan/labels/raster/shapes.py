"""Fills and pictures on a raster page, every edge on whole dots."""

import numpy as np

from miandan.labels.compiled import FillSlot, ImageSlot
from miandan.labels.raster.page import Dots, Patch, snapped
from miandan.labels.symbols import whole_dots


def fill(slot: FillSlot, dpi: int, width: int, height: int) -> Patch:
    """The slot's boxes on a page of so many dots."""
    boxes = [snapped(box, dpi) for box in slot.boxes]
    left, top = min(min(x, width - 1) for x, _, _, _ in boxes), min(min(y, height - 1) for _, y, _, _ in boxes)
    right = min(width, max(x + w for x, _, w, _ in boxes))
    bottom = min(height, max(y + h for _, y, _, h in boxes))
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for x, y, w, h in boxes:
        ink[min(y, height - 1) - top :, min(x, width - 1) - left :][:h, :w] = 1
    return Patch(left, top, ink)


def image(slot: ImageSlot, dpi: int) -> Patch | None:
    """The picture as large as its box allows, in the middle; None where the box holds no whole dot."""
    x, y, width, height = whole_dots(slot.box, dpi)
    if not width or not height:
        return None
    picture = slot.picture
    scale = min(width / picture.width, height / picture.height)
    w, h = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
    packed = np.frombuffer(picture.data, np.uint8).reshape(picture.height, -1)
    dots = np.unpackbits(packed, axis=1)[:, : picture.width]
    return Patch(x + (width - w) // 2, y + (height - h) // 2, scaled(dots, w, h))


def scaled(dots: Dots, width: int, height: int) -> Dots:
    """The picture with another number of dots: a dot is black when half of what it stands for is."""
    rows, columns = dots.shape
    if width >= columns:
        larger: Dots = dots[np.arange(height) * rows // height][:, np.arange(width) * columns // width]
        return larger
    # Sums over the area of each dot, by differences of running sums.
    summed = np.zeros((rows + 1, columns + 1), np.int64)
    summed[1:, 1:] = dots.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    down, across = np.arange(height + 1) * rows // height, np.arange(width + 1) * columns // width
    corners = summed[down][:, across]
    area = np.diff(down)[:, None] * np.diff(across)[None, :]
    black = np.diff(np.diff(corners, axis=0), axis=1)
    smaller: Dots = (2 * black >= np.maximum(area, 1)).astype(np.uint8)
    return smaller
