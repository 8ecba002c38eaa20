"""Records for the tests of the report."""

import pytest
import report_samples


@pytest.fixture(scope="session")
def sample_records():
    return report_samples.records()


@pytest.fixture(scope="session")
def sample_page(sample_records):
    from edgewright.report import render_page

    return render_page(sample_records)
