"""Running graphs in NumPy: the float meaning, the integer twin, calibration, proofs about ranges."""
