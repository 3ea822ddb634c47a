"""Tables after a spreadsheet, a browser or a form has had them in hand."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.hostile.base import DENSITY, case, cells, each, raster, replace
from tests.hostile.tables import DENSITIES, LEGENDS, write
from tests.tiny import LEGEND

LINES = DENSITY.splitlines()


def density(folder: Path, text: str) -> None:
    write(folder, DENSITIES, text.encode("utf-8"))


@each(
    "ERROR", "table.encoding", file=DENSITIES,
    variants={
        "utf16": DENSITY.encode("utf-16"),
        "utf16-tabs": DENSITY.replace(",", "\t").encode("utf-16"),
        "latin": DENSITY.replace("profiles", "café", 1).encode("latin-1"),
        "gzip": gzip.compress(DENSITY.encode(), mtime=0),
        "nul": DENSITY.replace("profiles", "a\0b", 1).encode(),
    },
)  # fmt: skip
def other_bytes(folder: Path, content: bytes) -> None:
    write(folder, DENSITIES, content)


@each(
    "ERROR", "table.page", file=DENSITIES,
    variants={"html": "<!DOCTYPE html>404", "bom": "\ufeff\n<html>\n<body>\n", "xml": "<?xml"},
)  # fmt: skip
def log_in_page(folder: Path, text: str) -> None:
    density(folder, text)


@each(
    "FINE",
    variants={
        "returns": DENSITY.replace("\n", "\r"),
        "mixed": DENSITY.replace("\n", "\r\n", 3),
        "blank-rows": DENSITY.replace("\n", "\n\n") + ",,,,,,,\n",
        "empty-columns": "".join(f"{line},,,\n" for line in LINES),
        "spaces": DENSITY.replace(",", " , "),
        "quotes-inside": DENSITY.replace("profiles", 'a"b"c', 1),
        "plus": DENSITY.replace(",40,4", ",+40,4", 1),
        "formula-as-source": DENSITY.replace("profiles", "=cmd|'/c calc'!A1", 1),
    },
)  # fmt: skip
def untidy_but_clear(folder: Path, text: str) -> None:
    density(folder, text)


@case("REPAIR", "table.sep_line", file=DENSITIES)
def line_for_excel(folder: Path) -> None:
    density(folder, "sep=,\n" + DENSITY)


@each(
    "ERROR", "table.ragged", file=DENSITIES,
    variants={"title": "各类碳密度表,,,,,,,\n", "comment": "# carbon\n"},
)  # fmt: skip
def something_above_the_head(folder: Path, first: str) -> None:
    density(folder, first + DENSITY)


@each(
    "ERROR", "density.pool", file=DENSITIES,
    variants={
        "head-again": "\n".join([*LINES[:3], LINES[0], *LINES[3:]]),
        "total": DENSITY + "合计,,,999,,t C/ha,,\n",
        "capitals": DENSITY.replace(",agb,", ",AGB,"),
        "chinese": DENSITY.replace(",agb,", ",地上,"),
    },
)  # fmt: skip
def rows_that_are_no_densities(folder: Path, text: str) -> None:
    density(folder, text)


@each(
    "ERROR", "density.columns", file=DENSITIES,
    variants={
        "capitals": LINES[0].upper(), "chinese": "地类,碳库,年份,数值,标准误,单位,来源,可信度",
    },
)  # fmt: skip
def other_names_of_columns(folder: Path, head: str) -> None:
    density(folder, "\n".join([head, *LINES[1:]]))


@each(
    "ERROR", "density.year", file=DENSITIES,
    variants={"float": "2010.0", "chinese": "2010年", "date": "2010/1/1", "month": "Jan-10"},
)  # fmt: skip
def year_of_another_kind(folder: Path, year: str) -> None:
    density(folder, DENSITY.replace(",2010,", f",{year},"))


@each(
    "ERROR", "density.not_a_number", file=DENSITIES,
    variants={
        "minus-sign": "−40,4", "brackets": "(40),4", "no-break-space": "4\u00a00,4",
        "se-inf": "40,inf", "se-nan": "40,nan", "se-percent": "40,10%", "error": "#DIV/0!,4",
        "date": "2010-04-01,4",
    },
)  # fmt: skip
def cells_that_look_like_numbers(folder: Path, cells: str) -> None:
    density(folder, DENSITY.replace(",40,4,", f",{cells},", 1))


@each("ERROR", "density.spread", file=DENSITIES, variants={"tiny": "1e-320,4", "wide": "0.02,4"})
def spread_that_leaves_no_value(folder: Path, cells: str) -> None:
    density(folder, DENSITY.replace(",40,4,", f",{cells},", 1))


def _distributed(kind: str, cells: str) -> str:
    rows = [f"{line},{kind}" for line in LINES[1:] if ",0," not in line]
    zero = [f"{line},fixed" for line in LINES[1:] if ",0," in line]
    text = "\n".join([f"{LINES[0]},distribution", *rows, *zero]) + "\n"
    return text.replace(",40,4,", f",{cells},", 1)


@each("ERROR", "density.lognormal", file=DENSITIES, variants={"spread": "0,4", "none": "0,0"})
def lognormal_of_nothing(folder: Path, cells: str) -> None:
    """Its logarithm has no mean: nothing could be drawn."""
    density(folder, _distributed("lognormal", cells))


@case("ERROR", "density.distribution", file=DENSITIES, says="triangle")
def distribution_of_another_kind(folder: Path) -> None:
    density(folder, _distributed("triangle", "40,4"))


@each(
    "ERROR", "density.region_form", file=DENSITIES,
    variants={"float": "420101.0", "zeros": "0420101", "exponent": "4.20E+05"},
)  # fmt: skip
def region_code_changed(folder: Path, code: str) -> None:
    head, *rows = LINES
    text = "\n".join([f"{head},region", *(f"{row}," for row in rows)])
    density(folder, f"{text}\nforest,agb,,40,4,t C/ha,s,verified,{code}\n")


@case("WARN", "density.confidence", file=DENSITIES, says="sure")
def confidence_in_other_words(folder: Path) -> None:
    density(folder, DENSITY.replace("verified", "sure", 1))


@case("WARN", "density.strange_strata", file=DENSITIES, says=r"for\\u202eest")
def stratum_turned_round(folder: Path) -> None:
    density(folder, DENSITY + "for\u202eest,agb,,1,1,t C/ha,,\n")


@case("ERROR", "table.too_wide", file=DENSITIES)
def endless_columns(folder: Path) -> None:
    density(folder, "\n".join(line + "," * 20_000 for line in LINES))


@each("ERROR", "density.unknown_set", variants={"tif": "lc2015.tif", "workbook": "density.xlsx"})
def another_file_for_the_densities(folder: Path, name: str) -> None:
    (folder / "density.xlsx").write_bytes(b"PK\x03\x04")
    replace(folder, '"density.csv"', f'"{name}"')


@case("ERROR", "density.columns", file=LEGENDS)
def the_legend_for_the_densities(folder: Path) -> None:
    replace(folder, '"density.csv"', '"legend.csv"')


# Legends


@case("ERROR", "table.columns", file=DENSITIES)
def the_densities_for_the_legend(folder: Path) -> None:
    replace(folder, '"legend.csv"', '"density.csv"')


@case("ERROR", "legend.unknown", place="legend.txt")
def legend_of_another_ending(folder: Path) -> None:
    (folder / LEGENDS).rename(folder / "legend.txt")
    replace(folder, '"legend.csv"', '"legend.txt"')


@each("ERROR", "legend.too_many", file=LEGENDS, variants={"some": 420, "endless": 20_000})
def too_many_classes(folder: Path, count: int) -> None:
    rows = (f"{i},forest,c{i},c{i},forest_land,forest,#006400\n" for i in range(100, count))
    write(folder, LEGENDS, (LEGEND + "".join(rows)).encode())
    raster(folder, values=cells(2015).astype("uint16"))


@each("FINE", variants={"padded": "001", "signed": "+1"})
def code_with_more_characters(folder: Path, code: str) -> None:
    write(folder, LEGENDS, LEGEND.replace("1,forest", f"{code},forest").encode())


@each("FINE", variants={"unused": "300", "negative": "-1", "large": "9999999999"})
def class_that_no_byte_can_hold(folder: Path, code: str) -> None:
    row = f"{code},swamp,S,沼,wetlands,wetland,#000000\n"
    write(folder, LEGENDS, (LEGEND + row).encode())


@case("ERROR", "legend.code", file=LEGENDS, place="6")
def code_beyond_all_rasters(folder: Path) -> None:
    row = "99999999999,swamp,S,沼,wetlands,wetland,#000000\n"
    write(folder, LEGENDS, (LEGEND + row).encode())
