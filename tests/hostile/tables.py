"""Bad legends and density tables."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.hostile.base import DENSITY, Maker, case, each, key, replace, study
from tests.tiny import LEGEND

LEGENDS = "legend.csv"
DENSITIES = "density.csv"


def legend(text: str) -> bytes:
    return text.encode("utf-8")


def swap(file: str, old: str, new: str) -> Maker:
    return lambda folder: replace(folder, old, new, file=file)


def write(folder: Path, file: str, content: bytes) -> None:
    (folder / file).write_bytes(content)


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return out.getvalue()


# Files as a whole: the same for every table


@each("FINE", variants={LEGENDS: LEGEND, DENSITIES: DENSITY})
def byte_order_mark(folder: Path, text: str) -> None:
    file = LEGENDS if text == LEGEND else DENSITIES
    write(folder, file, b"\xef\xbb\xbf" + text.encode("utf-8"))


@case("REPAIR", "table.gb18030", file=LEGENDS)
def legend_in_gb18030(folder: Path) -> None:
    write(folder, LEGENDS, LEGEND.encode("gb18030"))


@case("REPAIR", "table.gb18030", file=DENSITIES)
def densities_in_gb18030(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace("profiles", "剖面").encode("gb18030"))


@case("REPAIR", "table.separator", file=DENSITIES, says="tab")
def tabs(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace(",", "\t").encode())


@case("REPAIR", "table.separator", file=LEGENDS)
def semicolons(folder: Path) -> None:
    write(folder, LEGENDS, LEGEND.replace(",", ";").encode())


@case("ERROR", "density.not_a_number", file=DENSITIES, says="4,5")
def semicolons_and_decimal_commas(folder: Path) -> None:
    text = DENSITY.replace(",", ";").replace(";4;", ";4,5;", 1)
    write(folder, DENSITIES, text.encode())


@each(
    "ERROR", "table.encoding", file=LEGENDS,
    variants={
        "utf16": LEGEND.encode("utf-16"), "nul": LEGEND.encode() + b"\0",
        "noise": b"\xff\xff\xfe" + bytes(range(128, 255)),
    },
)  # fmt: skip
def unreadable_text(folder: Path, content: bytes) -> None:
    write(folder, LEGENDS, content)


@each(
    "ERROR", "table.workbook", file=DENSITIES,
    variants={"xlsx": workbook(), "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)},
)  # fmt: skip
def workbook_named_csv(folder: Path, content: bytes) -> None:
    write(folder, DENSITIES, content)


@each(
    "ERROR", "table.empty", file=DENSITIES,
    variants={"nothing": b"", "blank": b"\n\n , ,\n", "head": DENSITY.splitlines()[0].encode()},
)  # fmt: skip
def empty(folder: Path, content: bytes) -> None:
    write(folder, DENSITIES, content)


@case("ERROR", "table.not_csv", file=DENSITIES)
def quotation_mark_never_closed(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace("profiles", '"profiles', 1).encode())


@case("ERROR", "table.long_cell", file=DENSITIES)
def cell_of_a_book(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace("profiles", "p" * 20_000, 1).encode())


@case("ERROR", "table.too_large", file=DENSITIES)
def gigabytes(folder: Path) -> None:
    with (folder / DENSITIES).open("ab") as stream:
        stream.truncate(1 << 32)


@case("ERROR", "table.too_many_rows", file=DENSITIES)
def endless_rows(folder: Path) -> None:
    replace(folder, "[uncertainty]", "[limits]\ntable_rows = 100\n[uncertainty]")
    write(folder, DENSITIES, DENSITY.encode() + b"a,agb,,1,1,t C/ha,,\n" * 100)


@case("ERROR", "table.ragged", file=DENSITIES)
def thousands_separator(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace(",100,", ",1,000,", 1).encode())


@case("FINE")
def line_break_in_a_note(folder: Path) -> None:
    write(folder, DENSITIES, DENSITY.replace("a guess", '"a\nguess"').encode())


@case("ERROR", "table.repeated_column", file=DENSITIES)
def column_twice(folder: Path) -> None:
    replace(folder, "source,confidence", "source,source", file=DENSITIES)


@case("ERROR", "study.not_a_file", file="study.toml", place="density.table")
def folder_named_csv(folder: Path) -> None:
    (folder / DENSITIES).unlink()
    (folder / DENSITIES).mkdir()


# Legends


@case("ERROR", "legend.unknown", place="clcdd", says="clcd")
def legend_of_no_name(folder: Path) -> None:
    replace(folder, '"legend.csv"', '"clcdd"')


@case("ERROR", "table.columns", file=LEGENDS, says="ipcc")
def legend_without_a_column(folder: Path) -> None:
    write(folder, LEGENDS, LEGEND.replace(",ipcc,", ",class,").encode())


@each(
    "ERROR", "legend.code", file=LEGENDS,
    variants={
        "decimal": "1.0", "full-width": "１", "word": "one", "empty": "", "hex": "0x1",
        "thousands": "1 000", "exponent": "1e0", "formula": "=1",
    },
)  # fmt: skip
def legend_code(folder: Path, code: str) -> None:
    replace(folder, "1,forest", f"{code},forest", file=LEGENDS)


@case("ERROR", "legend.duplicate_code", file=LEGENDS)
def legend_code_twice(folder: Path) -> None:
    replace(folder, "2,crop", "1,crop", file=LEGENDS)


@each(
    "ERROR", "legend.stratum", file=LEGENDS,
    variants={
        "formula": "=forest", "chinese": "森林", "path": "../x", "capital": "Forest", "empty": "",
    },
)  # fmt: skip
def legend_stratum(folder: Path, stratum: str) -> None:
    replace(folder, "1,forest,", f"1,{stratum},", file=LEGENDS)


@case("ERROR", "legend.group", file=LEGENDS, says="wetland")
def legend_group(folder: Path) -> None:
    replace(folder, "wetlands,wetland,", "wetlands,wetlands,", file=LEGENDS)


@case("ERROR", "legend.ipcc", file=LEGENDS)
def legend_category(folder: Path) -> None:
    replace(folder, "cropland,cropland,#", "farmland,cropland,#", file=LEGENDS)


@each(
    "ERROR",
    "legend.colour",
    file=LEGENDS,
    variants={"name": "green", "short": "#060", "script": "#00;}<"},
)
def legend_colour(folder: Path, colour: str) -> None:
    replace(folder, "#006400", colour, file=LEGENDS)


@case("ERROR", "legend.name", file=LEGENDS)
def legend_name_of_two_lines(folder: Path) -> None:
    replace(folder, "Forest", '"For\nest"', file=LEGENDS)


@case("ERROR", "legend.nameless", file=LEGENDS)
def legend_without_names(folder: Path) -> None:
    replace(folder, "Forest,森林", ",", file=LEGENDS)


@case("ERROR", "legend.stratum_split", file=LEGENDS)
def legend_stratum_in_two_groups(folder: Path) -> None:
    replace(folder, "4,town,Town", "4,lake,Town", file=LEGENDS)


@case("ERROR", "legend.no_classes", file=LEGENDS)
def legend_of_no_data(folder: Path) -> None:
    head = LEGEND.splitlines()[0]
    write(folder, LEGENDS, f"{head}\n0,nodata,,,,,\n".encode())


@case("ERROR", "legend.code", "legend.stratum", file=LEGENDS)
def legend_columns_exchanged(folder: Path) -> None:
    write(folder, LEGENDS, LEGEND.replace("code,stratum", "stratum,code").encode())


@case("FINE")
def legend_names_of_markup(folder: Path) -> None:
    replace(folder, "Forest", "<img src=x onerror=alert(1)>", file=LEGENDS)


# Densities


@each(
    "ERROR", "density.not_a_number", file=DENSITIES,
    variants={
        "comma": '"40,5"', "formula": "=A1*2", "nan": "NaN", "inf": "inf", "huge": "1e999",
        "underscore": "4_0", "thousands": '"4,000"', "full-width": "４０", "percent": "40%",
        "na": "#N/A", "empty": "", "unit": "40 t", "range": "40-50", "circa": "~40",
    },
)  # fmt: skip
def density_value(folder: Path, value: str) -> None:
    replace(folder, "forest,agb,2010,40", f"forest,agb,2010,{value}", file=DENSITIES)


@each("ERROR", "density.negative", file=DENSITIES, variants={"value": "-40,4", "se": "40,-4"})
def negative_density(folder: Path, numbers: str) -> None:
    replace(folder, "2010,40,4", f"2010,{numbers}", file=DENSITIES)


@case("ERROR", "density.pool", file=DENSITIES, says="trunk")
def unknown_pool(folder: Path) -> None:
    replace(folder, "forest,soil", "forest,trunk", file=DENSITIES)


@each(
    "ERROR", "density.unit", file=DENSITIES,
    variants={"kg": "kg/m2", "spelling": "tC/ha", "co2": "t CO₂/ha", "empty": "", "mg": "Mg C/ha"},
)  # fmt: skip
def unknown_unit(folder: Path, unit: str) -> None:
    replace(folder, "town,soil,,50,5,t C/ha", f"town,soil,,50,5,{unit}", file=DENSITIES)


@case("WARN", "density.units_mixed", file=DENSITIES)
def units_mixed(folder: Path) -> None:
    replace(folder, "town,soil,,50,5,t C/ha", "town,soil,,50,5,t CO2/ha", file=DENSITIES)


@case("ERROR", "density.too_large", file=DENSITIES)
def density_of_another_unit(folder: Path) -> None:
    replace(folder, "town,soil,,50,5", "town,soil,,50000,5", file=DENSITIES)


@case("WARN", "density.strange_strata", file=DENSITIES, says="forrest")
def unknown_stratum(folder: Path) -> None:
    with (folder / DENSITIES).open("a", encoding="utf-8") as stream:
        stream.write("forrest,agb,,40,4,t C/ha,s,verified\n")


@case("ERROR", "density.missing", file=DENSITIES, says="forest/agb/2015")
def stratum_misspelt(folder: Path) -> None:
    replace(folder, "forest,agb,2015", "forrest,agb,2015", file=DENSITIES)


@case("ERROR", "density.repeated", file=DENSITIES)
def row_twice(folder: Path) -> None:
    with (folder / DENSITIES).open("a", encoding="utf-8") as stream:
        stream.write("forest,agb,2010,41,4,t C/ha,s,verified\n")


@case("ERROR", "density.columns", file=DENSITIES, says="unit")
def no_unit(folder: Path) -> None:
    replace(folder, ",unit,", ",units,", file=DENSITIES)


@case("WARN", "density.wide", file=DENSITIES)
def value_and_error_exchanged(folder: Path) -> None:
    replace(folder, "pool,year,value,se", "pool,year,se,value", file=DENSITIES)


@case("ERROR", "density.pool", file=DENSITIES)
def stratum_and_pool_exchanged(folder: Path) -> None:
    replace(folder, "stratum,pool", "pool,stratum", file=DENSITIES)


@case("WARN", "density.unknown_column", "density.spread_assumed", file=DENSITIES, says="se")
def error_column_misspelt(folder: Path) -> None:
    replace(folder, "value,se,unit", "value,s.e.,unit", file=DENSITIES)


@case("ERROR", "density.year", file=DENSITIES)
def year_with_a_letter(folder: Path) -> None:
    replace(folder, "forest,agb,2010", "forest,agb,201O", file=DENSITIES)


@case("WARN", "density.strange_regions", file=DENSITIES)
def region_code_that_lost_a_zero(folder: Path) -> None:
    text = DENSITY.replace("confidence\n", "confidence,region\n").replace(
        "verified\n", "verified,\n"
    )
    text = text.replace("secondary\n", "secondary,\n")
    write(folder, DENSITIES, (text + "forest,agb,,40,4,t C/ha,s,verified,20101\n").encode())


@each(
    "ERROR", "density.fraction", file=DENSITIES, variants={"percent": "47", "zero": "0", "none": ""}
)
def carbon_fraction(folder: Path, fraction: str) -> None:
    head = "stratum,pool,value,se,unit,carbon_fraction\n"
    rows = [line.split(",") for line in DENSITY.splitlines()[1:] if ",2015," not in line]
    body = [",".join([r[0], r[1], r[3], r[4] or "0", "t C/ha", ""]) for r in rows]
    body[1] = f"forest,soil,100,10,t d.m./ha,{fraction}"
    write(folder, DENSITIES, (head + "\n".join(body) + "\n").encode())


@case("ERROR", "density.range", file=DENSITIES)
def range_turned_round(folder: Path) -> None:
    _with_range(folder, "50,30,")


@case("ERROR", "density.interval", file=DENSITIES)
def interval_in_percent(folder: Path) -> None:
    _with_range(folder, "30,50,95")


def _with_range(folder: Path, cells: str) -> None:
    lines = DENSITY.splitlines()
    out = [f"{lines[0]},low,high,interval", f"{lines[1]},{cells}"]
    out += [f"{line},,," for line in lines[2:]]
    write(folder, DENSITIES, ("\n".join(out) + "\n").encode())


@case("ERROR", "density.unknown_set", file="hubei_2011")
def packaged_set_misspelt(folder: Path) -> None:
    replace(folder, '"density.csv"', '"hubei_2011"')


@case("ERROR", "density.columns", file=DENSITIES, says="c_dead")
def invest_without_a_pool(folder: Path) -> None:
    write(folder, DENSITIES, b"lucode,C_above,C_below,C_soil\n1,1,1,1\n")


@case("WARN", "density.strange_codes", "density.spread_asserted", file=DENSITIES)
def invest_codes_of_another_map(folder: Path) -> None:
    rows = "".join(f"{code},4,1,1,1\n" for code in (1, 2, 3, 4, 99))
    write(folder, DENSITIES, f"lucode,C_above,C_below,C_soil,C_dead\n{rows}".encode())
    key("relative_se = 0.2", under="density")(folder)


@case("ERROR", "density.not_a_number", file=DENSITIES)
def invest_without_a_value(folder: Path) -> None:
    rows = "".join(f"{code},{value},1,1,1\n" for code, value in ((1, ""), (2, 4), (3, 4), (4, 4)))
    write(folder, DENSITIES, f"lucode,C_above,C_below,C_soil,C_dead\n{rows}".encode())


@case("WARN", "parameter.memory", file=DENSITIES)
def value_nobody_checked(folder: Path) -> None:
    replace(folder, "plots of 2010,verified", "plots of 2010,memory", file=DENSITIES)


@case("ERROR", "target.no_such_pool", says="dead_wood")
def target_of_a_pool_without_densities(folder: Path) -> None:
    study('pools = ["agb"]', 'pools = ["dead_wood"]')(folder)
