"""Search: which integers, which storage and which size of a model are most often right within budgets of flash, RAM and time."""

from edgewright.search.budgets import Budgets
from edgewright.search.candidates import Candidate, Measured
from edgewright.search.front import choose, front
from edgewright.search.integers import search_integers
from edgewright.search.sizes import Found, search_sizes

__all__ = ["Budgets", "Candidate", "Found", "Measured", "choose", "front", "search_integers", "search_sizes"]
