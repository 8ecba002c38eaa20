"""Four motions of a wearer of a smart watch."""

from __future__ import annotations

from functools import partial

from edgewright.data import Dataset
from edgewright.data._ts import load_split, stored

SHA256 = "447002fb9290e040074591a45f4dcb425b87c718b8eed0d53c66b20a931438e6"
ENTRY = Dataset(
    doc="Watch with accelerometer and gyroscope, 10 Hz, 4 motions, 100 steps of 6; the archive's split.",
    source="UEA archive of multivariate time series, BasicMotions (J. Clements, 2016)",
    licence="none stated by the archive; cite it (Dau et al. 2019, Bagnall et al. 2018)",
    load=partial(load_split, stored("basic_motions", "BasicMotions", SHA256), hertz=10.0),
)
