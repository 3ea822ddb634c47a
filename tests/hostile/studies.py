"""Bad study files."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.base import STUDY, case, each, key, replace, study

TOML = "study.toml"


def write(folder: Path, content: bytes) -> None:
    (folder / TOML).write_bytes(content)


# Not a study at all


@each(
    "ERROR", "study.not_toml", file=TOML,
    variants={
        "cut": STUDY[:40].encode(), "yaml": b"study:\n  name: x\n", "utf16": STUDY.encode("utf-16"),
        "gbk": STUDY.replace("A small province", "湖北").encode("gbk"),
        "nul": STUDY.encode() + b"\0", "deep": b"a = " + b"[" * 100_000,
        "twice": STUDY.encode() + b"[study]\nname = 'again'\n",
        "key-twice": STUDY.replace('language = "en"', 'language = "en"\nname = "b"').encode(),
        "digits": b"a = " + b"9" * 5_000, "html": b"<!DOCTYPE html>", "zip": b"PK\x03\x04\x14\0",
    },
)  # fmt: skip
def not_toml(folder: Path, content: bytes) -> None:
    write(folder, content)


@case("ERROR", "study.missing_key", file=TOML)
def empty(folder: Path) -> None:
    write(folder, b"")


@case("ERROR", "study.too_large", file=TOML)
def hundred_megabytes(folder: Path) -> None:
    with (folder / TOML).open("ab") as stream:
        stream.truncate(100 << 20)


@case("FINE")
def byte_order_mark(folder: Path) -> None:
    write(folder, b"\xef\xbb\xbf" + STUDY.encode())


@case("ERROR", "study.unreadable", file=TOML)
def missing(folder: Path) -> None:
    (folder / TOML).unlink()


@each("ERROR", "study.not_a_file", file=TOML, variants={"folder": False, "pipe": True})
def no_file(folder: Path, pipe: bool) -> None:
    (folder / TOML).unlink()
    if pipe:
        os.mkfifo(folder / TOML)
    else:
        (folder / TOML).mkdir()


# Keys


@each(
    "ERROR",
    "study.unknown_key",
    file=TOML,
    variants={
        name: name
        for name in ("study", "regions", "landcover", "density", "uncertainty", "[targets]")
    },
)
def unknown_key(folder: Path, table: str) -> None:
    key('colour = "red"', under=table)(folder)


@case("ERROR", "study.unknown_key", file=TOML, says="landcover")
def unknown_table(folder: Path) -> None:
    with (folder / TOML).open("a", encoding="utf-8") as stream:
        stream.write("[land_cover]\nx = 1\n")


@case("ERROR", "study.unknown_key", file=TOML, place=r"landcover\.rasters\.2015\.bands")
def unknown_key_of_a_raster(folder: Path) -> None:
    study('2015 = "lc2015.tif"', '2015 = { path = "lc2015.tif", bands = 1 }')(folder)


@each(
    "ERROR",
    "study.missing_key",
    file=TOML,
    variants={
        line.partition(" =")[0]: line
        for line in ('name = "hostile"\n', 'path = "counties.gpkg"\n', 'legend = "legend.csv"\n')
    },
)
def missing_key(folder: Path, line: str) -> None:
    replace(folder, line, "")


@each(
    "ERROR", "study.bad_value", file=TOML,
    variants={
        "title-number": ('"A small province"', "5"),
        "title-empty": ('"A small province"', '""'),
        "title-blank": ('"A small province"', '"  \u3000"'),
        "title-long": ('"A small province"', '"' + "x" * 301 + '"'),
        "title-list": ('"A small province"', '["a"]'),
        "title-date": ('"A small province"', "2010-01-01"),
        "title-lines": ('"A small province"', '"a\\nb"'),
        "title-bell": ('"A small province"', '"a\\u0007b"'),
        "title-bidi": ('"A small province"', '"a\\u202eb"'),
        "target-markup": ('name = "carbon"', 'name = "<b>"'),
        "target-formula": ('name = "carbon"', 'name = "=1+1"'),
        "source-lines": ("value = 100", 'value = 100\nsource = "a\\nb"'),
        "value-huge": ("value = 100", "value = " + "9" * 400),
        "value-true": ("value = 100", "value = true"),
        "seed-huge": ("seed = 1", "seed = 99999999999999999999"),
        "level-one": ("seed = 1", "level = 1"),
        "nodata-fraction": ("[density]", "nodata = 1e38\n[density]"),
        "table-number": ("[uncertainty]\ndraws = 20\nseed = 1", "[output]\nrasters = 1"),
        "limit-huge": ("[uncertainty]", "[limits]\ncells = 99999999999999999999\n[uncertainty]"),
        "limit-text": ("[uncertainty]", '[limits]\ncells = "many"\n[uncertainty]'),
        "slug-slash": ('"hostile"', '"a/b"'),
        "slug-dots": ('"hostile"', '"../b"'),
        "slug-chinese": ('"hostile"', '"湖北"'),
        "parents-text": ('["prefecture"]', '"prefecture"'),
        "draws-none": ("draws = 20", "draws = 0"),
        "draws-billion": ("draws = 20", "draws = 1_000_000_000"),
        "draws-text": ("draws = 20", 'draws = "20"'),
        "draws-float": ("draws = 20", "draws = 20.0"),
        "draws-date": ("draws = 20", "draws = 2010-12-31"),
        "draws-true": ("draws = 20", "draws = true"),
        "seed-negative": ("seed = 1", "seed = -1"),
        "level-percent": ("seed = 1", "level = 95"),
        "level-half": ("seed = 1", "level = 0.5"),
        "level-nan": ("seed = 1", "level = nan"),
        "value-nan": ("value = 100", "value = nan"),
        "value-inf": ("value = 100", "value = inf"),
        "value-text": ("value = 100", 'value = "6000万"'),
        "groups-none": ('groups = ["forest"]', "groups = []"),
        "path-empty": ('"counties.gpkg"', '""'),
        "path-number": ('"counties.gpkg"', "1"),
        "band-zero": ('2015 = "lc2015.tif"', '2015 = { path = "lc2015.tif", band = 0 }'),
        "end-text": ("end = 2015", 'end = "2015"'),
        "limit-zero": ("[uncertainty]", "[limits]\ncells = 0\n[uncertainty]"),
    },
)  # fmt: skip
def bad_value(folder: Path, change: tuple[str, str]) -> None:
    replace(folder, *change)


@each(
    "ERROR", "study.bad_value", "study.year_without_raster", file=TOML,
    variants={
        "one": (', 2015 = "lc2015.tif"', ""),
        "list": ('{ 2010 = "lc2010.tif", 2015 = "lc2015.tif" }', '["lc2010.tif"]'),
        "none": ('{ 2010 = "lc2010.tif", 2015 = "lc2015.tif" }', "{}"),
    },
)  # fmt: skip
def too_few_rasters(folder: Path, change: tuple[str, str]) -> None:
    replace(folder, *change)


@each(
    "ERROR", "study.bad_choice", file=TOML,
    variants={
        "language": ('language = "en"', 'language = "English"'),
        "group": ('["forest"]', '["forests"]'),
        "pool": ('pools = ["agb"]', 'pools = ["trunk"]'),
        "kind": ('kind = "increase"', 'kind = "more"'),
        "quantity": ('quantity = "carbon"', 'quantity = "biomass"'),
        "datum": ("[landcover]", 'datum = "bd09"\n[landcover]'),
        "coverage": ("[density]", 'coverage = "all"\n[density]'),
    },
)  # fmt: skip
def bad_choice(folder: Path, change: tuple[str, str]) -> None:
    replace(folder, *change)


# Years and targets


@each(
    "ERROR", "study.bad_year", "study.year_without_raster", file=TOML,
    variants={
        "letter": "201O", "short": "'15", "full-width": "２０１５", "date": "2015-01",
        "far": "3015",
    },
)  # fmt: skip
def bad_year(folder: Path, year: str) -> None:
    replace(folder, '2015 = "lc2015.tif"', f'"{year}" = "lc2015.tif"')


@case("ERROR", "study.years_reversed", file=TOML)
def years_reversed(folder: Path) -> None:
    replace(folder, "start = 2010\nend = 2015", "start = 2015\nend = 2010")


@case("ERROR", "study.year_without_raster", file=TOML)
def target_year_without_raster(folder: Path) -> None:
    replace(folder, "end = 2015", "end = 2014")


@case("ERROR", "study.missing_key", file=TOML, says="unit")
def target_without_unit(folder: Path) -> None:
    replace(folder, 'unit = "t C"\n', "")


@each(
    "ERROR", "study.target_unit", file=TOML,
    variants={
        "kt": "kt", "t": "t", "co2e": "t CO2e", "ha": "ha", "wan-t": "万吨", "spelling": "tC",
    },
)  # fmt: skip
def target_unit(folder: Path, unit: str) -> None:
    replace(folder, 'unit = "t C"', f'unit = "{unit}"')


@each("ERROR", "study.target_value", file=TOML, variants={"negative": "-60e6", "zero": "0"})
def target_value(folder: Path, value: str) -> None:
    replace(folder, "value = 100", f"value = {value}")


@case("ERROR", "study.repeated_name", file=TOML)
def two_targets_of_a_name(folder: Path) -> None:
    target = STUDY[STUDY.index("[[targets]]") :]
    write(folder, (STUDY + target).encode())


@case("ERROR", "study.target_pools", file=TOML)
def target_of_a_pool_left_out(folder: Path) -> None:
    key('pools = ["soil"]', under="density")(folder)


@case("ERROR", "target.no_class")
def target_of_a_group_without_class(folder: Path) -> None:
    replace(folder, 'groups = ["forest"]', 'groups = ["urban_green"]')


# Paths


@each(
    "ERROR", "study.not_a_file_path", file=TOML,
    variants={
        "http": "https://example.org/lc2015.tif", "curl": "/vsicurl/http://example.org/a.tif",
        "zip": "/vsizip/a.zip/a.tif", "file": "file:///etc/passwd", "nul": "a\\u0000.tif",
        "s3": "s3://bucket/a.tif",
    },
)  # fmt: skip
def addresses(folder: Path, path: str) -> None:
    replace(folder, '"lc2015.tif"', f'"{path}"')


@each(
    "ERROR", "study.no_such_file", file=TOML,
    variants={
        "missing": "lc2016.tif", "home": "~/lc2015.tif", "variable": "$HOME/lc2015.tif",
        "backslash": "data\\\\lc2015.tif", "long": "x" * 5_000, "spaces": " lc2015.tif",
        "subdataset": "GTIFF_DIR:1:lc2015.tif", "netcdf": 'NETCDF:\\"a.nc\\":lc',
    },
)  # fmt: skip
def no_such_file(folder: Path, path: str) -> None:
    replace(folder, '"lc2015.tif"', f'"{path}"')


@case("ERROR", "study.link_leaves_folder", file=TOML, place="landcover.rasters.2015")
def link_that_leaves(folder: Path) -> None:
    outside = folder.parent / "outside.tif"
    (folder / "lc2015.tif").rename(outside)
    (folder / "lc2015.tif").symlink_to(outside)


@case("ERROR", "study.no_such_file", file=TOML)
def link_to_itself(folder: Path) -> None:
    (folder / "lc2015.tif").unlink()
    (folder / "lc2015.tif").symlink_to("lc2015.tif")


@case("FINE")
def absolute_path(folder: Path) -> None:
    replace(folder, '"lc2015.tif"', f'"{(folder / "lc2015.tif").as_posix()}"')


@case("FINE")
def path_that_climbs_openly(folder: Path) -> None:
    (folder / "lc2015.tif").rename(folder.parent / "lc2015.tif")
    replace(folder, '"lc2015.tif"', '"../lc2015.tif"')


@case("FINE")
def chinese_path(folder: Path) -> None:
    (folder / "数据 与 图").mkdir()
    (folder / "lc2015.tif").rename(folder / "数据 与 图" / "地类'2015\".tif")
    replace(folder, '"lc2015.tif"', "'''数据 与 图/地类'2015\".tif'''")


@each(
    "ERROR", "study.not_a_file", file=TOML,
    variants={"zero": "/dev/zero", "folder": ".", "terminal": "/dev/stdin"},
)  # fmt: skip
def no_ordinary_file(folder: Path, path: str) -> None:
    replace(folder, '"lc2015.tif"', f'"{path}"')


@case("ERROR", "study.no_such_file", file=TOML)
def link_to_nothing(folder: Path) -> None:
    (folder / "lc2015.tif").unlink()
    (folder / "lc2015.tif").symlink_to("gone.tif")


@each(
    "ERROR", "study.no_such_file", file=TOML, says=r"u001b\[31m|\[/red\]",
    variants={"escape": "a\\nb\\u001b[31m.tif", "markup": "[/red][bold]x.tif"},
)  # fmt: skip
def names_that_steer_a_terminal(folder: Path, path: str) -> None:
    replace(folder, '"lc2015.tif"', f'"{path}"')


# What has no end


@case("ERROR", "study.unknown_key", "study.many_more", file=TOML)
def thousands_of_keys(folder: Path) -> None:
    write(folder, "".join(f"k{i} = 1\n" for i in range(5_000)).encode() + STUDY.encode())


@case("ERROR", "study.unknown_key", file=TOML, place=r"^x{120}$")
def endless_key(folder: Path) -> None:
    write(folder, ("x" * 50_000 + " = 1\n").encode() + STUDY.encode())


@case("ERROR", "study.not_toml", file=TOML)
def thousands_of_dots(folder: Path) -> None:
    write(folder, (".".join("a" * 3_000) + " = 1\n").encode() + STUDY.encode())


@each(
    "ERROR", "crs.grid_file", file="counties.gpkg",
    variants={
        "datum": "+proj=longlat +nadgrids=/etc/passwd +type=crs",
        "heights": "+proj=longlat +ellps=WGS84 +geoidgrids=/etc/passwd +type=crs",
    },
)  # fmt: skip
def crs_that_opens_a_file(folder: Path, crs: str) -> None:
    key(f'crs = "{crs}"', under="regions")(folder)


@each(
    "ERROR", "regions.crs_unknown", file="counties.gpkg",
    variants={
        "address": "https://spatialreference.org/ref/epsg/4490/", "path": "/etc/passwd",
        "pipeline": "+proj=pipeline +step +proj=hgridshift +grids=/etc/passwd", "empty": "",
        "number": "999999",
    },
)  # fmt: skip
def crs_that_is_none(folder: Path, crs: str) -> None:
    key(f'crs = "{crs}"', under="regions")(folder)


@case("ERROR", "study.volume_unknown", place="targets.0")
def volume_that_nothing_measures(folder: Path) -> None:
    replace(folder, 'quantity = "carbon"', 'quantity = "volume"')
    replace(folder, 'unit = "t C"', 'unit = "m3"')


@case("ERROR", "study.bad_value", file=TOML)
def a_map_of_densities_without_its_unit(folder: Path) -> None:
    with (folder / TOML).open("a", encoding="utf-8") as stream:
        stream.write('[density.raster]\nagb = "r.tif"\n')
