"""The report: one offline HTML file that prints on A4, in the study's language; Word and PDF."""

from sinks.report.document import write_document
from sinks.report.html import render_report, write_report
from sinks.report.paper import write_pdf

__all__ = ["render_report", "write_document", "write_pdf", "write_report"]
