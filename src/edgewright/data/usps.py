"""USPS handwritten digits of 16 x 16 pixels."""

from __future__ import annotations

from functools import partial

from edgewright.data import Dataset
from edgewright.data._local import load_images

SHA256 = "72053ab01c0eb823f2927e010cc18280e5f6ba82b6b4676e9e0e8585c0f015c6"
HOW_TO_GET = (
    "Get usps.h5 from https://github.com/niuers/Learning-From-Data-A-Short-Course (data/usps.h5) and save it by numpy.savez as "
    "usps/usps.npz in the folder that EDGEWRIGHT_DATA names: x_train float32 [7291, 16, 16] in 0..1, y_train uint8 [7291], "
    "x_test float32 [2007, 16, 16], y_test uint8 [2007]."
)

ENTRY = Dataset(
    doc="USPS handwritten digits, 16 x 16 pixels in 0..1, 10 classes, 7,291 training and 2,007 test rows.",
    source="J. J. Hull, A database for handwritten text recognition research, 1994",
    licence="no formal licence; distributed freely for research with The Elements of Statistical Learning",
    load=partial(load_images, "usps", HOW_TO_GET, SHA256),
)
