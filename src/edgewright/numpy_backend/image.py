"""Images: sampling at a grid, decoding, moving between depth and space, cropping, and choosing among boxes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import reduce

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend._sampling import at, between, cubic_weights, shares
from edgewright.numpy_backend._windows import Array, widened

CUBIC = -0.75  # the coefficient of GridSample's cubic kernel


def _reflect(position: Array, low: float, high: float) -> Array:
    """Return positions mirrored at low and high until they lie between them."""
    if high <= low:
        return np.full_like(position, low)
    folded = np.mod(position - low, 2 * (high - low))
    return low + np.minimum(folded, 2 * (high - low) - folded)


def _settled(index: Array, sizes: Array, padding: str, align: bool) -> Array:
    """Return positions or indices (spatial axes, points) moved into the image, as the padding says."""
    if padding == "zeros":
        return index
    if padding == "reflection":
        low, high = (0.0, sizes - 1.0) if align else (-0.5, sizes - 0.5)
        index = np.stack(
            [_reflect(row, float(low), float(top)) for row, top in zip(index, np.ravel(high), strict=True)]
        )
    return np.clip(index, 0, sizes - 1)


def grid_sample(
    x: Array, grid: Array, *, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Array:
    """Return (batch, channels, output axes): x (batch, channels, spatial axes) at the points of grid (batch, output axes, spatial axes).

    The coordinates of a point stand in reverse order of the axes; -1 and 1 are the outer corners of x, or its outer centres with
    align_corners (arXiv 1506.02025).
    """
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    if mode not in ("linear", "nearest", "cubic") or padding_mode not in ("zeros", "border", "reflection"):
        raise BadModelFile(
            f"GridSample has mode {mode!r} and padding_mode {padding_mode!r}: they must be linear, nearest or cubic, and zeros, "
            "border or reflection."
        )
    source = widened(x)
    align = bool(align_corners)
    rank = x.ndim - 2
    sizes = np.array(x.shape[2:]).reshape(-1, 1)
    points = np.moveaxis(widened(grid)[..., ::-1], -1, 1).reshape(len(grid), rank, -1)
    places = (points + 1) / 2 * (sizes - 1) if align else ((points + 1) * sizes - 1) / 2
    y = np.empty((*x.shape[:2], places.shape[2]), source.dtype)
    for number, (image, place) in enumerate(zip(source, places, strict=True)):
        y[number] = _sampled(image, place.astype(points.dtype), sizes, mode, padding_mode, align)
    return y.reshape(*x.shape[:2], *grid.shape[1:-1]).astype(x.dtype, copy=False)


def _sampled(image: Array, place: Array, sizes: Array, mode: str, padding: str, align: bool) -> Array:
    if mode == "nearest":
        index = _settled(np.rint(_settled(place, sizes, padding, align)), sizes, padding, align)
        return at(image, list(index.astype(np.int64)))
    if mode == "linear":
        return reduce(np.add, shares(image, *between(_settled(place, sizes, padding, align))))
    first = np.floor(place) - 1
    weights = np.stack([cubic_weights(place - first - step, CUBIC) for step in range(4)])
    # The padding says where each of the four neighbours is, not where the point is.
    neighbours = [np.rint(_settled(first + step, sizes, padding, align)).astype(np.int64) for step in range(4)]
    return _cubic(image, neighbours, weights)


def _cubic(image: Array, index: Sequence[Array], weights: Array) -> Array:
    """Return the sums over four neighbours on each axis; index: for each neighbour, (spatial axes, points)."""
    rank = index[0].shape[0]
    total = np.zeros((len(image), index[0].shape[1]), image.dtype)
    for corner in np.ndindex(*(4,) * rank):
        weight = np.prod([weights[step, axis] for axis, step in enumerate(corner)], axis=0)
        total += at(image, [index[step][axis] for axis, step in enumerate(corner)]) * weight.astype(image.dtype)
    return total


def affine_grid(theta: Array, size: Array, *, align_corners: int = 0) -> Array:
    """Return a grid (batch, output axes, 2 or 3) for GridSample: an image's points moved by theta, (batch, 2, 3) or (batch, 3, 4)."""
    sizes = [int(n) for n in size[2:]]
    steps = [
        np.linspace(-1, 1, n)
        if align_corners and n > 1
        else (2 * np.arange(n) + 1) / n - 1
        if not align_corners
        else np.zeros(1)
        for n in sizes
    ]
    points = np.stack([*np.meshgrid(*steps, indexing="ij")[::-1], np.ones(sizes)], axis=-1).astype(widened(theta).dtype)
    moved = points.reshape(-1, len(sizes) + 1) @ widened(theta).swapaxes(1, 2)
    return moved.reshape(len(theta), *sizes, len(sizes)).astype(theta.dtype, copy=False)


def image_decoder(encoded_stream: Array, *, pixel_format: str = "RGB") -> Array:
    """Return the pixels (height, width, channels), uint8, of an encoded image; none at all where it cannot be decoded.

    Raises UnsupportedModel where Pillow is not installed.
    """
    if pixel_format not in ("RGB", "BGR", "Grayscale"):
        raise BadModelFile(f"ImageDecoder has pixel_format {pixel_format!r}; it must be RGB, BGR or Grayscale.")
    try:
        from PIL import Image
    except ImportError as error:
        raise UnsupportedModel("ImageDecoder needs Pillow: pip install pillow.") from error
    gray = pixel_format == "Grayscale"
    try:
        with Image.open(io.BytesIO(encoded_stream.tobytes())) as image:
            pixels = np.asarray(image.convert("L" if gray else "RGB"), np.uint8)
    except Exception:  # whatever a decoder says of damaged bytes, the operator's answer is nothing
        return np.zeros((0, 0, 1 if gray else 3), np.uint8)
    return pixels[..., np.newaxis] if gray else pixels[..., ::-1].copy() if pixel_format == "BGR" else pixels.copy()


def _check_blocks(name: str, mode: str, fits: bool, x: Array, blocksize: int) -> None:
    if mode not in ("DCR", "CRD"):
        raise BadModelFile(f"{name} has the mode {mode!r}; it must be DCR or CRD.")
    if x.ndim != 4 or not fits:
        raise BadModelFile(
            f"{name} cannot divide an input of shape {x.shape} into blocks of {blocksize} x {blocksize}."
        )


def depth_to_space(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    """Return (batch, channels / blocksize squared, height x blocksize, width x blocksize): channels become blocks of pixels."""
    _check_blocks("DepthToSpace", mode, x.ndim == 4 and x.shape[1] % blocksize**2 == 0, x, blocksize)
    batch, channels, height, width = x.shape
    depth = channels // blocksize**2
    if mode == "DCR":
        y = x.reshape(batch, blocksize, blocksize, depth, height, width).transpose(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(batch, depth, blocksize, blocksize, height, width).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(batch, depth, height * blocksize, width * blocksize)


def space_to_depth(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    """Return (batch, channels x blocksize squared, height / blocksize, width / blocksize): blocks of pixels become channels."""
    fits = x.ndim == 4 and x.shape[2] % blocksize == 0 and x.shape[3] % blocksize == 0
    _check_blocks("SpaceToDepth", mode, fits, x, blocksize)
    batch, channels, height, width = x.shape
    rows, columns = height // blocksize, width // blocksize
    blocks = x.reshape(batch, channels, rows, blocksize, columns, blocksize)
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    return blocks.transpose(order).reshape(batch, channels * blocksize**2, rows, columns)


def center_crop_pad(x: Array, shape: Array, *, axes: Sequence[int] | None = None) -> Array:
    """Return x cropped or padded with zeros around its centre to `shape`, on the axes that it speaks of."""
    chosen = [axis % x.ndim for axis in axes] if axes else list(range(x.ndim))
    if len(chosen) != len(shape):
        raise BadModelFile(
            f"CenterCropPad has a shape of {len(shape)} numbers for {len(chosen)} axes; it needs one for each."
        )
    result_shape = list(x.shape)
    source, target = [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for axis, size in zip(chosen, (int(n) for n in shape), strict=True):
        result_shape[axis] = size
        kept = min(size, x.shape[axis])
        cut, lead = (x.shape[axis] - kept) // 2, (size - kept) // 2
        source[axis], target[axis] = slice(cut, cut + kept), slice(lead, lead + kept)
    result = np.zeros(result_shape, x.dtype)
    result[tuple(target)] = x[tuple(source)]
    return result


def non_max_suppression(
    boxes: Array,
    scores: Array,
    max_output_boxes_per_class: Array | None = None,
    iou_threshold: Array | None = None,
    score_threshold: Array | None = None,
    *,
    center_point_box: int = 0,
) -> Array:
    """Return (selected, 3), int64: batch, class and box, the best of each class first, without those that a better one overlaps.

    boxes: (batch, boxes, 4), two corners y1, x1, y2, x2 or a centre, width and height x, y, w, h; scores: (batch, classes, boxes).
    """
    most = 0 if max_output_boxes_per_class is None else int(np.ravel(max_output_boxes_per_class)[0])
    overlap = 0.0 if iou_threshold is None else float(np.ravel(iou_threshold)[0])
    least = None if score_threshold is None else float(np.ravel(score_threshold)[0])
    selected: list[tuple[int, int, int]] = []
    for batch, rows in enumerate(widened(boxes)):
        first, second = (rows[:, :2], rows[:, 2:])
        if center_point_box:
            first, second = first - second / 2, first + second / 2
        low, high = np.minimum(first, second), np.maximum(first, second)
        for kind, values in enumerate(scores[batch]):
            order = np.argsort(-widened(values), kind="stable")
            if least is not None:
                order = order[values[order] >= least]
            selected += [(batch, kind, int(box)) for box in _best(low, high, order, most, overlap)]
    return np.array(selected, np.int64).reshape(-1, 3)


def _best(low: Array, high: Array, order: Array, most: int, threshold: float) -> list[int]:
    """Return the boxes to keep, in order; threshold: the intersection over union above which a box goes."""
    kept: list[int] = []
    area = np.prod(high - low, axis=1)
    while len(order) and len(kept) < most:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        sides = np.minimum(high[order], high[best]) - np.maximum(low[order], low[best])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        union = area[order] + area[best] - shared
        order = order[shared <= threshold * union]
    return kept


ENTRY = {
    "AffineGrid": affine_grid,
    "CenterCropPad": center_crop_pad,
    "DepthToSpace": depth_to_space,
    "GridSample": grid_sample,
    "ImageDecoder": image_decoder,
    "NonMaxSuppression": non_max_suppression,
    "SpaceToDepth": space_to_depth,
}
