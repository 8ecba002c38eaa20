import pytest

from edgewright import boards, engines
from edgewright.errors import BoardFault


@pytest.fixture
def available():
    """A function that returns an engine, or skips the test where it cannot serve a board here."""

    def get(engine, board, **settings):
        if reason := engines.get(engine).why_not(boards.get(board), **settings):
            pytest.skip(reason)
        return engines.get(engine)

    return get


@pytest.fixture
def fault(available):
    """A function that returns what an engine says about a program that faults."""

    def explain(engine, board, program, vectors):
        chosen = available(engine, board)
        with pytest.raises(BoardFault) as caught:
            chosen.run(chosen.build(program, board), program.entries[0].name, vectors)
        return str(caught.value)

    return explain
