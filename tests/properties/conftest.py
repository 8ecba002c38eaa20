import sys
from pathlib import Path

# Random graphs are held against their twins by the comparison that the conformance tests make
sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
