"""The file of ``sinks classify``: one table, `[classify]`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from sinks.checks import Problems
from sinks.studyfile import parsed, read_bytes
from sinks.texts import Language
from sinks.validation import Part, Title, read_part

#: Keys that only training takes.
OF_TRAINING: Final = ("legend", "layer", "trees", "folds", "block_m", "cells", "seed")


def _written_as(value: object) -> str:
    return "<files>" if isinstance(value, tuple) else "<file>"


def _nameable(value: float) -> float:
    """Refuse an infinity, which no raster marks missing cells with; NaN is what many do."""
    if math.isinf(value):
        raise PydanticCustomError("finite_number", "a finite number")
    return value


Written = Annotated[
    Annotated[Title, Tag("<file>")]
    | Annotated[tuple[Title, ...], Field(min_length=1), Tag("<files>")],
    Discriminator(_written_as),
]


class ClassifyConfig(Part):
    """`[classify]`: imagery, and what to learn from or a model that has learnt."""

    image: Written = Field(
        description="GeoTIFF, or a list whose bands follow each other, on one grid"
    )
    bands: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="bands of every file, in this order; all by default"
    )
    nodata: Annotated[float, AfterValidator(_nameable)] | None = Field(
        None, description="no-data value, asserted for every band"
    )
    training: Title | None = Field(None, description="polygons of known classes")
    column: Title = Field("code", description="their column with the codes of the legend")
    layer: Title | None = Field(None, description="layer of the polygons' file")
    legend: Title = Field("clcd", description="a packaged legend, or a CSV")
    model: Title | None = Field(None, description="model.json, in place of training polygons")
    trees: int = Field(100, ge=1, le=2_000, description="trees of the forest")
    folds: int = Field(5, ge=2, le=50, description="folds of the cross-validations")
    block_m: float | None = Field(None, ge=0.01, description="side of the blocks held back [m]")
    cells: int = Field(5_000, ge=10, le=1_000_000, description="training cells of a class at most")
    seed: int = Field(20101231, ge=0, le=2**32 - 1, description="of every random choice")
    title: Title = Field("sinks classify", description="title in the tags of the rasters")
    language: Language = "zh"

    @property
    def files(self) -> tuple[str, ...]:
        """The images."""
        return (self.image,) if isinstance(self.image, str) else self.image


class ClassifyFile(Part):
    """The whole file."""

    classify: ClassifyConfig


def load_file(path: Path, problems: Problems) -> ClassifyConfig | None:
    """Read a file of ``sinks classify``.

    Parameters
    ----------
    path : Path
    problems : Problems
        Takes what is wrong, and the file's language.

    Returns
    -------
    ClassifyConfig or None
        None if it cannot be understood.
    """
    raw = read_bytes(path, problems)
    data = None if raw is None else parsed(raw, problems, file=path.name)
    if data is None:
        return None
    held = read_part(ClassifyFile, data, file=path.name, problems=problems)
    if held is None:
        return None
    config = held.classify
    if (config.training is None) == (config.model is None):
        problems.error("classify.what", file=path.name, place="classify")
        return None
    stray = [key for key in OF_TRAINING if key in config.model_fields_set and config.model]
    if stray:
        keys = ", ".join(stray)
        problems.error("classify.model_keys", file=path.name, place="classify", keys=keys)
    return config
