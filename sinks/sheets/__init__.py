"""Printed sheets: a page of A4 or A3 per region and one of the whole, as PDF and PNG."""

from sinks.sheets.write import (
    FOLDER,
    FORMATS,
    SheetOptions,
    sheet_name,
    sheet_names,
    write_sheets,
)

__all__ = ["FOLDER", "FORMATS", "SheetOptions", "sheet_name", "sheet_names", "write_sheets"]
