"""A hand that draws a gun, or points."""

from __future__ import annotations

from functools import partial

from edgewright.data import Dataset
from edgewright.data._ts import load_split, stored

SHA256 = "6d2adcbf19b9e8b1450663a47ab753f6aa1a53d9c0f96621126e2cc1dd32990f"
ENTRY = Dataset(
    doc="Place of a hand on video, 2 gestures, 150 steps of 1; the archive's split of 50 and 150 rows.",
    source="UCR archive of time series, GunPoint (C. A. Ratanamahatana, E. Keogh, 2003)",
    licence="none stated by the archive; cite it (Dau et al. 2019, Bagnall et al. 2018)",
    load=partial(load_split, stored("gun_point", "GunPoint", SHA256), hertz=30.0),
)
