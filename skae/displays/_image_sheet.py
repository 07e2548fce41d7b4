"""Many small images as one."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def draw_sheet(
    ax: Any,
    images: np.ndarray,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    limits: tuple[float, float],
    **kwargs: Any,
) -> Any:
    """Draw images of shape (n_rows, n_columns, height, width[, n_channels]) side by side.

    Three channels are colours; of any other number the mean is drawn. `limits` are the values of
    the darkest and the brightest pixel.
    """
    if images.ndim == 5 and images.shape[-1] != 3:
        images = images.mean(axis=-1)
    low, high = limits
    is_colour = images.ndim == 5
    if is_colour:
        images = np.clip((images - low) / max(high - low, np.finfo(float).tiny), 0, 1)
    # One pixel, or one in sixteen, between the images.
    height, width = images.shape[2:4]
    gap = max(1, min(height, width) // 16)
    room = [(0, 0), (0, 0), (0, gap), (0, gap)] + [(0, 0)] * is_colour
    padded = np.pad(images.astype(float), room, constant_values=1.0 if is_colour else np.nan)
    n_rows, n_columns = images.shape[:2]
    high_pad, wide_pad = height + gap, width + gap
    sheet = np.moveaxis(padded, 1, 2).reshape(
        n_rows * high_pad, n_columns * wide_pad, *images.shape[4:]
    )
    sheet = sheet[:-gap, :-gap]
    colours = {} if is_colour else {"cmap": "gray", "vmin": low, "vmax": high}
    image = ax.imshow(sheet, **{"interpolation": "nearest", **colours, **kwargs})
    ax.set_yticks(np.arange(n_rows) * high_pad + (height - 1) / 2, row_labels)
    ax.set_xticks(np.arange(n_columns) * wide_pad + (width - 1) / 2, column_labels)
    # Gaps between images and missing pixels have a colour that no pixel has.
    ax.set_facecolor("lightsteelblue")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return image


def sheet_size(images: np.ndarray) -> tuple[float, float]:
    """Return width and height of a figure for these images, in inches."""
    n_rows, n_columns, height, width = images.shape[:4]
    per_image = np.clip(9 / n_columns, 0.4, 1.2)
    return 1.6 + per_image * n_columns, 0.6 + per_image * n_rows * height / width
