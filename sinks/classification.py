"""``sinks classify``: train a classifier on imagery or take one, apply it, write everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import sklearn

from sinks import __version__
from sinks.boundaries.vectors import few
from sinks.checks import Problems, first_few
from sinks.classifyfile import ClassifyConfig, load_file
from sinks.classifytables import class_table, sentences, write_tables
from sinks.errors import InputChanged, UnusableOption
from sinks.folder import held, own_names, sha256_of
from sinks.imagery import PIECE_BYTES, Imagery, UnreadableImage, load_imagery
from sinks.landcover.classify import Applied, Settings, Trained, apply, blocks_of, code_type, train
from sinks.landcover.modelfile import Model, json_number, read_model, write_model
from sinks.landcover.training import Cells, Polygons, load_polygons, training_cells
from sinks.legend import Legend, load_legend
from sinks.results import write_table
from sinks.tabulate import json_text
from sinks.texts import Language, text

Progress = Callable[[str, float], None]

#: A class of fewer blocks than this is unknown to the classifier where they are held back.
LEAST_BLOCKS: Final = 2
#: Usable cells that a class needs.
LEAST_CELLS: Final = 10
#: More than this part of the land unlike any training cell is told.
MUCH_BEYOND: Final = 0.1


@dataclass(frozen=True, eq=False)
class Classified:
    """What ``sinks classify`` made.

    Attributes
    ----------
    folder : Path
    model : Model
    trained : Trained or None
        None where a stored model was applied.
    applied : Applied
    problems : Problems
    """

    folder: Path
    model: Model
    trained: Trained | None
    applied: Applied
    problems: Problems


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What was read and checked."""

    config: ClassifyConfig
    imagery: Imagery
    hashes: Mapping[str, str]
    model: Model | None = None
    polygons: Polygons | None = None
    legend: Legend | None = None


def classify(
    path: Path, out: Path, *, piece_bytes: int = PIECE_BYTES, progress: Progress | None = None
) -> Classified:
    """Train a classifier, or read one, and classify imagery.

    Parameters
    ----------
    path : Path
        The file with `[classify]`; paths in it start from its folder.
    out : Path
        Folder; a finished one is replaced, all at once.
    piece_bytes : int
        Memory for the cells of a piece; no byte of the result hangs on it.
    progress : callable, optional

    Raises
    ------
    InputProblems
        If the inputs have problems; nothing was written.
    UnusableOption
        If an input lies in the output folder.
    OutputFailed, FolderLocked, InputChanged
        See `sinks.errors`.
    """
    problems, tell = Problems(), progress or (lambda _stage, _part: None)
    inputs = _load(path, problems)
    problems.raise_errors()
    inputs = cast(_Inputs, inputs)  # without an error they are complete
    language = problems.language
    _refuse_inside(inputs, path, out=out, language=language)
    with held(out, language) as folder:
        try:
            tell("inputs", 0.0)
            cells, trained = _train(inputs, problems, piece_bytes=piece_bytes)
            model = inputs.model if trained is None else _signed(trained, inputs)
            problems.raise_errors()
            model = cast(Model, model)
            applied = apply(
                model, inputs.imagery, folder=folder.staging, tags=_tags(inputs, model),
                piece_bytes=piece_bytes, progress=lambda part: tell("rasters", part),
            )  # fmt: skip
        except UnreadableImage as error:
            problems.error("raster.unreadable_block", file=error.shown, reason=str(error)[:300])
            problems.raise_errors()
            raise
        _tell_applied(applied, inputs, problems=problems)
        if trained is not None and inputs.polygons is not None and cells is not None:
            write_model(model, folder.staging)
            write_tables(trained, inputs.polygons, cells=cells, folder=folder.staging)
        write_table(class_table(applied, model), folder.staging / "classes.csv")
        found = [problem.as_dict() for problem in problems]
        for name, body in {
            "summary.txt": "\n".join(sentences(trained, applied, model=model, language=language)),
            "problems.json": json_text(found),
        }.items():
            (folder.staging / name).write_text(f"{body.rstrip()}\n", "utf-8", newline="\n")
        _refuse_changed(inputs, path, language=language)
        folder.publish(_manifest(inputs, model, applied=applied, problems=problems))
    return Classified(out, model, trained, applied, problems)


def described(made: Classified) -> list[str]:
    """Return what a command line says of a classification."""
    language = made.problems.language
    found = sentences(made.trained, made.applied, model=made.model, language=language)
    return [*found, text("cli.wrote", language, path=made.folder)]


def _load(path: Path, problems: Problems) -> _Inputs | None:
    """Read and check everything but the cells; all problems at once."""
    config = load_file(path, problems)
    if config is None:
        return None
    base = path.resolve().parent
    imagery = load_imagery(
        config.files, base=base, bands=config.bands, nodata=config.nodata, problems=problems
    )
    model = polygons = legend = None
    if config.model is not None:
        model = read_model(base / config.model, shown=config.model, problems=problems)
        if model is not None and imagery is not None:
            _check_bands(model, imagery, file=config.files[0], problems=problems)
    else:
        legend = load_legend(config.legend, base=base, problems=problems)
        if legend is not None and imagery is not None:
            polygons = load_polygons(
                str(config.training), config.column, base=base, grid=imagery.grid, legend=legend,
                layer=config.layer, problems=problems,
            )  # fmt: skip
    if imagery is None or (model is None and polygons is None):
        return None
    return _Inputs(config, imagery, _hashes(config, path), model, polygons, legend)


def _hashes(config: ClassifyConfig, path: Path) -> dict[str, str]:
    names = [*config.files, *(name for name in (config.training, config.model) if name)]
    if config.legend.endswith(".csv") and config.model is None:
        names.append(config.legend)
    base = path.resolve().parent
    return {name: sha256_of(base / name) for name in dict.fromkeys(names)} | {
        path.name: sha256_of(path)
    }


def _check_bands(model: Model, imagery: Imagery, *, file: str, problems: Problems) -> None:
    """Refuse imagery of other bands than the model's, or whose gaps it could not know."""
    if len(imagery.layers) != model.bands:
        problems.error("classify.bands", file=file, expected=model.bands, found=len(imagery.layers))
        return
    pairs = zip(model.nodata, imagery.layers, strict=True)
    lost = [
        k for k, (value, layer) in enumerate(pairs, start=1)
        if value is not None and not np.isnan(value) and layer.nodata is None
    ]  # fmt: skip
    if lost:
        values = few(sorted({f"{model.nodata[k - 1]:g}" for k in lost}))
        problems.error("classify.model_nodata", file=file, bands=few(lost), values=values)


def _refuse_inside(inputs: _Inputs, path: Path, *, out: Path, language: Language) -> None:
    """Refuse to write where an input or a study's run lies: a folder is replaced as a whole."""
    if (kept := own_names(out)) and "model.json" not in kept and "classes.tif" not in kept:
        raise UnusableOption(text("classify.other_run", language, folder=out))
    base, root = path.resolve().parent, out.resolve()
    for name in inputs.hashes:
        if (base / name).resolve().is_relative_to(root):
            raise UnusableOption(text("classify.input_inside", language, name=name, folder=out))


def _train(
    inputs: _Inputs, problems: Problems, *, piece_bytes: int
) -> tuple[Cells | None, Trained | None]:
    """Train, if there are polygons; what speaks against the cells goes to the problems."""
    config, polygons = inputs.config, inputs.polygons
    if polygons is None:
        return None, None
    cells = training_cells(
        inputs.imagery, polygons, most=config.cells, seed=config.seed, piece_bytes=piece_bytes
    )
    file, language = polygons.file, problems.language
    codes = np.unique(polygons.codes).tolist()
    few_cells = [code for code in codes if (cells.codes == code).sum() < LEAST_CELLS]
    if few_cells:
        problems.error(
            "classify.few_cells", file=file, codes=first_few(few_cells, language),
            least=LEAST_CELLS,
        )  # fmt: skip
    if cells.empty:
        problems.warn("classify.training_nodata", file=file, count=f"{cells.empty:,}")
    if cells.torn:
        problems.warn("classify.training_overlap", file=file, count=f"{cells.torn:,}")
    if few_cells:
        return cells, None
    blocks, side = blocks_of(
        polygons, inputs.imagery.grid, used=np.unique(cells.polygon), block_m=config.block_m
    )
    if not _blocks_fit(cells, blocks, side=side, file=file, problems=problems):
        return cells, None
    settings = Settings(config.trees, config.folds, config.seed, side)
    trained = train(
        cells, blocks, imagery=inputs.imagery, legend=cast(Legend, inputs.legend),
        settings=settings,
    )  # fmt: skip
    return cells, trained


def _blocks_fit(
    cells: Cells, blocks: npt.NDArray[np.int64], *, side: float, file: str, problems: Problems
) -> bool:
    """Refuse training land of one block; tell of classes that stand in one alone."""
    own = blocks[cells.polygon]
    if len(np.unique(own)) < LEAST_BLOCKS:
        problems.error("classify.one_block", file=file, side=f"{side:,.4g}")
        return False
    alone = [
        code for code in np.unique(cells.codes).tolist()
        if len(np.unique(own[cells.codes == code])) < LEAST_BLOCKS
    ]  # fmt: skip
    if alone:
        problems.warn(
            "classify.class_in_one_block", file=file, side=f"{side:,.4g}",
            codes=first_few(alone, problems.language),
        )  # fmt: skip
    return True


def _tell_applied(applied: Applied, inputs: _Inputs, *, problems: Problems) -> None:
    """Tell of imagery without data, and of land unlike anything the classifier has seen."""
    known = sum(applied.cells.values())
    file = inputs.config.files[0]
    if not known:
        problems.error("classify.no_data", file=file)
        problems.raise_errors()
    if applied.beyond > MUCH_BEYOND * known:
        share = f"{100 * applied.beyond / known:.3g}"
        problems.warn("classify.beyond", file=file, percent=share)


def _signed(trained: Trained, inputs: _Inputs) -> Model:
    """Return the model with where it comes from: the hashes of its inputs, and how good it is."""
    return replace(trained.model, about={
        **trained.model.about, "sinks": __version__, "scikit-learn": sklearn.__version__,
        "inputs": dict(inputs.hashes),
        "overall_accuracy": {item.method: round(item.overall, 6) for item in trained.validations},
    })  # fmt: skip


def _tags(inputs: _Inputs, model: Model) -> dict[str, str]:
    return {
        "source": f"sinks {__version__}", "title": inputs.config.title,
        "legend": str(model.about.get("legend", "")),
    }  # fmt: skip


def _manifest(
    inputs: _Inputs, model: Model, *, applied: Applied, problems: Problems
) -> dict[str, Any]:
    """Return the manifest without its outputs."""
    config = inputs.config
    dtype, blank = code_type(model)
    return {
        "sinks": __version__,
        "study": {"language": config.language, "title": config.title},
        "classify": config.model_dump(mode="json") | {"nodata": json_number(config.nodata)},
        "grid": inputs.imagery.grid.described(),
        "cells": {"classified": sum(applied.cells.values()), "nodata": applied.empty,
                  "beyond_training": applied.beyond},
        "raster": {"dtype": dtype, "nodata": blank},
        "model": dict(model.about),
        "inputs": [{"path": name, "sha256": value} for name, value in inputs.hashes.items()],
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
        "problems": [problem.as_dict() for problem in problems],
    }  # fmt: skip


def _refuse_changed(inputs: _Inputs, path: Path, *, language: Language) -> None:
    """Refuse to publish what was computed from files that changed meanwhile."""
    try:
        now = _hashes(inputs.config, path)
    except OSError as error:
        name = Path(str(error.filename)).name
        raise InputChanged(text("output.input_changed", language, name=name)) from error
    for name, value in inputs.hashes.items():
        if now[name] != value:
            raise InputChanged(text("output.input_changed", language, name=name))
