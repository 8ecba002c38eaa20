"""Ours, up to the scores."""

from benchmarks.rivals.generators import Generator
from benchmarks.rivals.generators.edgewright import scores

ENTRY = Generator(doc="ours: integer C", package=None, cases=("forest", "network"), make=scores)
