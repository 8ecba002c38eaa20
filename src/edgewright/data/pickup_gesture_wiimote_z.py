"""Ten gestures with a game controller in the hand."""

from __future__ import annotations

from functools import partial

from edgewright.data import Dataset
from edgewright.data._ts import load_split, stored

SHA256 = "411a8a4f10ad3439e8359cf4eaa889843f4540ed7a4ecf9d9055c7763d59f620"
ENTRY = Dataset(
    doc="Acceleration of a controller along z, 10 gestures, 361 steps of 1; the archive's split of 50 and 50 rows.",
    source="UCR archive of time series, PickupGestureWiimoteZ (J. Guna, I. Humar, M. Pogacnik, 2012)",
    licence="none stated by the archive; cite it (Dau et al. 2019, Bagnall et al. 2018)",
    load=partial(load_split, stored("pickup_gesture_wiimote_z", "PickupGestureWiimoteZ", SHA256)),
)
