import sys
from pathlib import Path

# The mutants are caught by the very comparison that the conformance tests make
sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
