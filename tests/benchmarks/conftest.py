"""The benchmarks of the checkout, importable."""

from edgewright import bench

bench.get("rivals")  # makes the package benchmarks.rivals importable
