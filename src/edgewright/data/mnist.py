"""MNIST handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

from functools import partial

from edgewright.data import Dataset
from edgewright.data._local import load_images

SHA256 = "8fc8fc4f0343f34ece1fcfdfb65f0801fac48030ce7c70e62bbb62f64ee2e65b"
HOW_TO_GET = (
    "Get the four idx files from http://yann.lecun.com/exdb/mnist, or the images from https://github.com/rasbt/mnist-pngs, and "
    "save them by numpy.savez as mnist/mnist.npz in the folder that EDGEWRIGHT_DATA names: x_train uint8 [60000, 28, 28], "
    "y_train uint8 [60000], x_test uint8 [10000, 28, 28], y_test uint8 [10000], in the published order."
)

ENTRY = Dataset(
    doc="MNIST handwritten digits, 28 x 28 pixels in 0..255, 10 classes, 60,000 training and 10,000 test rows.",
    source="Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
    licence="CC BY-SA 3.0",
    load=partial(load_images, "mnist", HOW_TO_GET, SHA256),
)
