"""Reports: records in; terminal tables, plots and one self-contained HTML page out. Nothing is measured here."""

from edgewright.report.page import render_page, write_page

__all__ = ["render_page", "write_page"]
