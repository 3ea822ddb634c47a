"""Classification: a scene of known classes, two cross-validations, models as plain data."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from shapely.geometry import box
from sklearn.ensemble import RandomForestClassifier
from typer.testing import CliRunner

from sinks.checks import Problems
from sinks.classification import Classified, classify
from sinks.cli import app
from sinks.errors import InputProblems, OutputFailed, UnusableOption
from sinks.landcover.answers import load_answers
from sinks.landcover.folds import Validation, cross_validate
from sinks.landcover.modelfile import read_model
from sinks.landcover.training import scattered
from sinks.landcover.trees import as_arrays, grown
from sinks.legend import packaged_legend
from sinks.results import Results
from sinks.sections import AccuracyConfig
from sinks.verify import verify
from tests.rasters import write_raster

CRS = "EPSG:32650"
CELL, SIZE, SITE = 30.0, 240, 40
#: Of the legend clcd: cropland, forest, water.
CODES = (1, 2, 5)
FILES = ("classes.csv", "classes.tif", "cross_validation.csv", "cross_validation_classes.csv",
         "cross_validation_matrix.csv", "model.json", "model.npz", "probability.tif",
         "problems.json", "summary.txt", "training.csv")  # fmt: skip


def scene(*, drift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and four bands: class signal, smooth drift from place to place, noise."""
    rng = np.random.default_rng(7)
    field = gaussian_filter(rng.standard_normal((SIZE, SIZE)), 6)
    truth = np.digitize(field, np.quantile(field, [0.4, 0.8]))
    means = np.array([[0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.6, 0.3], [0.05, 0.1, 0.3, 0.2]])
    bands = means[truth].transpose(2, 0, 1) * 1000
    for k in range(len(bands)):
        smooth = gaussian_filter(rng.standard_normal((SIZE, SIZE)), 25)
        bands[k] += drift * 150 * smooth / smooth.std() + rng.normal(0, 20, truth.shape)
    return truth, bands.astype(np.float32)


def polygons(truth: np.ndarray) -> gpd.GeoDataFrame:
    """Return squares of 4 × 4 cells of one class, up to two of each class in every site."""
    rows: list[tuple[int, Any]] = []
    for top in range(0, SIZE, SITE):
        for left in range(0, SIZE, SITE):
            taken = dict.fromkeys(range(3), 0)
            for r in range(top, top + SITE, 8):
                for c in range(left, left + SITE, 8):
                    own = np.unique(truth[r : r + 4, c : c + 4])
                    if len(own) == 1 and taken[int(own[0])] < 2:
                        taken[int(own[0])] += 1
                        x, y = 500_000 + c * CELL, 3_400_000 - r * CELL
                        shape = box(x, y - 4 * CELL, x + 4 * CELL, y)
                        rows.append((CODES[int(own[0])], shape))
    codes, shapes = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"code": codes}, geometry=list(shapes), crs=CRS)


def write_scene(folder: Path, *, drift: float = 1.0, **profile: Any) -> Path:
    truth, bands = scene(drift=drift)
    bands[:, :10, :20] = -9999
    bands[2, 30, 40] = np.nan
    at = Affine(CELL, 0, 500_000, 0, -CELL, 3_400_000)
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64} | profile
    write_raster(folder / "image.tif", bands, crs=CRS, transform=at, nodata=-9999, **options)
    polygons(truth).to_file(folder / "training.gpkg", layer="training")
    return write_file(folder)


def write_file(folder: Path, name: str = "classify.toml", **keys: Any) -> Path:
    own: dict[str, Any] = {"image": "image.tif", "training": "training.gpkg", "trees": 20,
                           "language": "en"} | keys  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in own.items() if value is not None]
    (folder / name).write_text("\n".join(["[classify]", *lines]) + "\n", encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Classified]:
    folder = tmp_path_factory.mktemp("classify")
    return folder, classify(write_scene(folder), folder / "out")


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def codes_of(path: Path, out: Path) -> set[str]:
    with pytest.raises(InputProblems) as refused:
        classify(path, out)
    assert not out.exists()
    return {problem.code for problem in refused.value.problems}


def test_map_is_the_scene(made: tuple[Path, Classified]) -> None:
    folder, result = made
    truth, _ = scene()
    with rasterio.open(folder / "out/classes.tif") as raster:
        codes = raster.read(1)
        assert (raster.dtypes, raster.nodata) == (("uint8",), 0)
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        colour = packaged_legend("clcd").colour_of("forest")
        red, green, blue, _ = raster.colormap(1)[2]
        assert f"#{red:02x}{green:02x}{blue:02x}" == colour
    known = codes > 0
    assert (~known).sum() == 10 * 20 + 1, "no data and NaN stay no data"
    assert (codes[known] == np.array(CODES)[truth][known]).mean() > 0.85
    assert result.applied.empty == 201
    assert sum(result.applied.cells.values()) == SIZE * SIZE - 201
    with rasterio.open(folder / "out/probability.tif") as raster:
        shares = raster.read().astype(int)
        assert raster.count == 3
        assert raster.nodata == 255
        assert raster.descriptions[1].startswith("2 forest")
    assert (shares[:, ~known] == 255).all()
    assert np.abs(shares[:, known].sum(axis=0) - 100).max() <= 2
    best = np.take_along_axis(shares, np.searchsorted(CODES, codes)[None] % 3, 0)[0]
    assert (best[known] >= shares[:, known].max(axis=0) - 1).all()


def test_random_cells_flatter(made: tuple[Path, Classified]) -> None:
    """Bands that drift from place to place: near cells are alike, far ones are not."""
    folder, result = made
    assert result.trained is not None
    random, blocked = result.trained.validations
    assert random.overall > blocked.overall + 0.03
    rows = list(csv.DictReader((folder / "out/cross_validation.csv").open(encoding="utf-8-sig")))
    assert [row["method"] for row in rows] == ["random", "blocked"]
    assert float(rows[1]["overall_accuracy"]) == pytest.approx(blocked.overall)
    told = (folder / "out/summary.txt").read_text(encoding="utf-8")
    assert "neighbouring cells are alike" in told
    matrix = csv.DictReader((folder / "out/cross_validation_matrix.csv").open(encoding="utf-8-sig"))
    cells = sum(int(row["cells"]) for row in matrix if row["method"] == "blocked")
    assert cells == int(rows[1]["cells"]) == blocked.matrix.sum()


def test_without_drift_there_is_no_gap(tmp_path: Path) -> None:
    result = classify(write_scene(tmp_path, drift=0.0), tmp_path / "out")
    assert result.trained is not None
    random, blocked = result.trained.validations
    assert abs(random.overall - blocked.overall) < 0.01


def test_accuracies_by_hand() -> None:
    found = Validation("random", 5, np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]]))
    assert found.overall == 17 / 20
    assert found.users[:2].tolist() == [0.8, 0.9]
    assert np.isnan(found.users[2])
    assert found.producers[:2].tolist() == [8 / 9, 9 / 11]
    assert np.isnan(found.producers[2])


def test_blocks_are_held_back_whole() -> None:
    """A class that stands in one block alone can never be mapped there."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 40)
    blocks = np.concatenate([np.arange(80) % 8, np.full(40, 9)])
    features = (labels[:, None] + rng.normal(0, 0.01, (120, 2))).astype(np.float32)
    how: dict[str, Any] = {"blocks": blocks, "folds": 5, "trees": 5, "seed": 1}
    blocked = cross_validate(features, labels, method="blocked", **how)
    assert blocked.matrix[2, 2] == 0
    assert blocked.matrix.sum() == 120
    assert cross_validate(features, labels, method="random", **how).overall == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bands=st.integers(1, 6), classes=st.integers(2, 5))
def test_probabilities_are_those_of_scikit_learn(seed: int, bands: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(120, bands)).astype(np.float32).round(1)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 120 - classes)])
    model: RandomForestClassifier = grown(features, labels, trees=7, seed=seed)
    forest = as_arrays(model)
    new = rng.normal(size=(300, bands)).astype(np.float32).round(1)
    assert np.array_equal(forest.probabilities(new), model.predict_proba(new))
    assert forest.fault(bands=bands, classes=classes) == ""
    assert forest.probabilities(new[:0]).shape == (0, classes)


@pytest.mark.parametrize("piece_bytes", [1, 50_000, 1 << 30])
def test_same_bytes_however_it_is_cut(
    made: tuple[Path, Classified], tmp_path: Path, piece_bytes: int
) -> None:
    folder, _ = made
    if piece_bytes == 1:  # cell by cell would take minutes: parts of a row, of 97 cells
        piece_bytes = 97 * 8 * 4
    classify(folder / "classify.toml", tmp_path / "out", piece_bytes=piece_bytes)
    assert bytes_in(tmp_path / "out") == bytes_in(folder / "out")


def test_a_striped_image_trains_the_same_model(
    made: tuple[Path, Classified], tmp_path: Path
) -> None:
    folder, _ = made
    classify(write_scene(tmp_path, tiled=False, blockxsize=None, blockysize=1), tmp_path / "out")
    for name in ("classes.tif", "probability.tif", "model.npz", "training.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_stored_model_gives_the_same_map(made: tuple[Path, Classified], tmp_path: Path) -> None:
    folder, _ = made
    model = str(folder / "out/model.json")
    write_file(folder, "apply.toml", training=None, trees=None, model=model)
    result = classify(folder / "apply.toml", tmp_path / "out")
    assert result.trained is None
    for name in ("classes.tif", "probability.tif", "classes.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()
    assert not (tmp_path / "out/model.json").exists()
    with pytest.raises(UnusableOption, match=r"model\.json"):
        classify(folder / "apply.toml", folder / "out")
    assert (folder / "out/model.json").exists()


def test_results_of_a_study_stay(made: tuple[Path, Classified], tmp_path: Path) -> None:
    folder, _ = made
    own = {"sinks": "1", "study": {}, "outputs": {"tables/stock.csv": "0"}}
    (tmp_path / "manifest.json").write_text(json.dumps(own), encoding="utf-8")
    with pytest.raises(UnusableOption, match="results of a study"):
        classify(folder / "classify.toml", tmp_path)
    with pytest.raises(OutputFailed):
        Results.open(folder / "out")


@pytest.mark.parametrize(
    "keys",
    [
        {"image": 3}, {"image": []}, {"image": ["image.tif", 3]}, {"bands": [0]}, {"bands": [9]},
        {"block_m": 0}, {"trees": 0}, {"seed": -1}, {"nodata": "x"}, {"legend": "none"},
        {"column": "class"}, {"layer": "other"}, {"training": "none.gpkg"}, {"image": "none.tif"},
        {"training": None}, {"image": "training.gpkg"}, {"training": "image.tif"}, {"tree": 3},
    ],
    ids=str,
)  # fmt: skip
def test_files_that_say_nonsense(
    made: tuple[Path, Classified], tmp_path: Path, keys: dict[str, Any]
) -> None:
    folder, _ = made
    path = write_file(folder, "nonsense.toml", **keys)
    with pytest.raises(InputProblems) as refused:
        classify(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "[" not in "".join(problem.place for problem in refused.value.problems)


def test_most_cells_of_a_class(tmp_path: Path) -> None:
    """Here NaN is asserted to mark missing cells, which JSON has no word for."""
    write_scene(tmp_path)
    file = write_file(tmp_path, cells=100)
    file.write_text(file.read_text("utf-8") + "nodata = nan\n", encoding="utf-8")
    result = classify(file, tmp_path / "out")
    assert result.trained is not None
    assert result.trained.model.about["cells"] == 300


def test_random_numbers_of_places_are_spread() -> None:
    numbers = scattered(np.arange(100_000), 3)
    assert len(np.unique(numbers)) == 100_000
    assert np.mean(numbers / 2.0**64) == pytest.approx(0.5, abs=0.01)
    assert not np.array_equal(numbers, scattered(np.arange(100_000), 4))


def test_training_land_is_no_sample(made: tuple[Path, Classified]) -> None:
    folder, _ = made
    problems = Problems("en")
    config = AccuracyConfig(sample="training.csv", crs=CRS)
    load_answers(
        config, base=folder / "out", legend=packaged_legend("clcd"), years=[2015],
        problems=problems,
    )  # fmt: skip
    assert "accuracy.training" in {problem.code for problem in problems}


def test_folder_verifies(made: tuple[Path, Classified]) -> None:
    folder, _ = made
    assert str(len(FILES)) in verify(folder / "out")
    assert sorted(p.name for p in (folder / "out").iterdir() if not p.name.startswith(".")) == (
        sorted([*FILES, "manifest.json"])
    )


def copied(folder: Path, target: Path) -> dict[str, Any]:
    for name in ("model.json", "model.npz"):
        (target / name).write_bytes((folder / "out" / name).read_bytes())
    content: dict[str, Any] = json.loads((target / "model.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("what", ["seed", "array", "pickle", "cycle", "path", "format", "html"])
def test_damaged_models_are_refused(
    made: tuple[Path, Classified], tmp_path: Path, what: str
) -> None:
    """Changed with and without a hash to go with it: no model may run or loop."""
    folder, _ = made
    content = copied(folder, tmp_path)
    with np.load(tmp_path / "model.npz") as stored:
        arrays = dict(stored)
    if what == "seed":
        content["about"]["seed"] = 1
    elif what == "array":
        arrays["threshold"][0] += 1
        np.savez(tmp_path / "model.npz", **arrays)
    elif what == "html":
        (tmp_path / "model.json").write_text("<html>", encoding="utf-8")
    else:
        arrays |= {"left": np.zeros_like(arrays["left"])} if what == "cycle" else {}
        arrays |= {"shares": np.array([{}], dtype=object)} if what == "pickle" else {}
        np.savez(tmp_path / "model.npz", **arrays)
        body = (tmp_path / "model.npz").read_bytes()
        content["arrays"]["sha256"] = hashlib.sha256(body).hexdigest()
        content["arrays"]["file"] = "../model.npz" if what == "path" else "model.npz"
        content["format"] = "other" if what == "format" else content["format"]
        own = {key: value for key, value in content.items() if key != "sha256"}
        text = json.dumps(own, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    if what != "html":
        (tmp_path / "model.json").write_text(json.dumps(content), encoding="utf-8")
    problems = Problems("en")
    assert read_model(tmp_path / "model.json", shown="model.json", problems=problems) is None
    expected = "classify.model_changed" if what in ("seed", "array") else "classify.model"
    assert [problem.code for problem in problems] == [expected]


def test_model_asks_for_its_bands_and_no_data(
    made: tuple[Path, Classified], tmp_path: Path
) -> None:
    folder, _ = made
    copied(folder, tmp_path)
    _, bands = scene()
    at = Affine(CELL, 0, 500_000, 0, -CELL, 3_400_000)
    write_raster(tmp_path / "image.tif", bands, crs=CRS, transform=at)
    keys = {"training": None, "trees": None, "model": "model.json"}
    path = write_file(tmp_path, **keys)
    assert codes_of(path, tmp_path / "out") == {"classify.model_nodata"}
    path = write_file(tmp_path, bands=[1, 2], **keys)
    assert codes_of(path, tmp_path / "out") == {"classify.bands"}
    path = write_file(tmp_path, nodata=-9999, seed=3, **keys)
    assert codes_of(path, tmp_path / "out") == {"classify.model_keys"}
    path = write_file(tmp_path, nodata=-9999, **keys)
    assert classify(path, tmp_path / "out").applied.empty == 0
    write_raster(tmp_path / "image.tif", bands * 10, crs=CRS, transform=at)
    told = classify(path, tmp_path / "out").problems
    assert "classify.beyond" in {problem.code for problem in told}


def spoilt(frame: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    if what == "unknown":
        return frame.assign(code=[99, *frame["code"][1:]])
    if what == "few":
        return frame[(frame["code"] != 5) | ~frame["code"].duplicated()]
    if what == "one":
        return frame[frame["code"] == 2]
    if what == "block":
        return frame.cx[500_000:502_000, 3_398_000:3_400_000]
    if what == "away":
        return frame.set_geometry(frame.translate(1e5))
    return frame.set_geometry(frame.buffer(-1.9 * CELL))  # between the centres of cells


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("unknown", "unknown_code"), ("few", "few_polygons"), ("one", "one_class"),
        ("block", "one_block"), ("away", "none_inside"), ("small", "few_cells"),
    ],
)  # fmt: skip
def test_polygons_that_teach_nothing(tmp_path: Path, what: str, code: str) -> None:
    write_scene(tmp_path)
    frame = gpd.read_file(tmp_path / "training.gpkg")
    (tmp_path / "training.gpkg").unlink()
    spoilt(frame, what).to_file(tmp_path / "training.gpkg", layer="training")
    path = write_file(tmp_path, block_m=3_000.0 if what == "block" else None)
    assert f"classify.{code}" in codes_of(path, tmp_path / "out")


def test_doubts_about_polygons_are_told(tmp_path: Path) -> None:
    write_scene(tmp_path)
    frame = gpd.read_file(tmp_path / "training.gpkg")
    far = frame.iloc[:1].set_geometry(frame.iloc[:1].translate(1e5))
    other = frame.iloc[:1].assign(code=5 if frame["code"][0] == 2 else 2)
    empty = frame.iloc[:1].set_geometry([box(500_000, 3_399_760, 500_120, 3_400_000)])
    more = gpd.GeoDataFrame(gpd.pd.concat([frame, far, other, empty], ignore_index=True), crs=CRS)
    (tmp_path / "training.gpkg").unlink()
    more.to_file(tmp_path / "training.gpkg", layer="training")
    result = classify(tmp_path / "classify.toml", tmp_path / "out")
    told = {problem.code.partition(".")[2] for problem in result.problems}
    assert told >= {"outside", "training_overlap", "training_nodata"}


def test_images_must_share_a_grid(tmp_path: Path) -> None:
    write_scene(tmp_path)
    _, bands = scene()
    at = Affine(CELL, 0, 500_010, 0, -CELL, 3_400_000)
    write_raster(tmp_path / "other.tif", bands[:1], crs=CRS, transform=at)
    path = write_file(tmp_path, image=["image.tif", "other.tif"])
    assert codes_of(path, tmp_path / "out") == {"classify.grids"}
    write_raster(tmp_path / "other.tif", bands[:1].astype(np.complex64), crs=CRS, transform=at)
    assert "classify.dtype" in codes_of(path, tmp_path / "out")
    (tmp_path / "other.tif").write_text("<VRTDataset/>", encoding="utf-8")
    assert codes_of(path, tmp_path / "out") == {"raster.not_geotiff"}


def test_bands_of_several_files_are_one_image(
    made: tuple[Path, Classified], tmp_path: Path
) -> None:
    folder, _ = made
    write_scene(tmp_path)
    with rasterio.open(tmp_path / "image.tif") as raster:
        bands, at = raster.read(), raster.transform
    names = []
    for k, band in enumerate(bands):
        names.append(f"b{k}.tif")
        write_raster(tmp_path / names[-1], band, crs=CRS, transform=at, nodata=-9999)
    classify(write_file(tmp_path, image=names), tmp_path / "out")
    for name in ("classes.tif", "model.npz"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_command(made: tuple[Path, Classified], tmp_path: Path) -> None:
    folder, _ = made
    runner = CliRunner()
    path = write_file(folder, "zh.toml", language="zh")
    done = runner.invoke(app, ["classify", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "随机交叉验证" in done.output
    assert "相邻像元彼此相似" in done.output
    bad = write_file(tmp_path, "bad.toml", model="model.json", tree=3)
    refused = runner.invoke(app, ["classify", str(bad), "--out", str(tmp_path / "none")])
    assert isinstance(refused.exception, InputProblems)
    assert refused.exception.exit_code == 2
    assert not (tmp_path / "none").exists()
