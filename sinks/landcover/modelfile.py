"""A classifier on disk: JSON that says what it is, and its arrays beside it. Data, no program.

``model.json`` holds the hash of ``model.npz`` and, last, a hash of all that it says itself. Arrays
are read as plain numbers, never as objects, and are checked before a cell goes through them.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sinks.checks import Problems
from sinks.escape import is_file_name
from sinks.landcover.trees import ARRAYS, Forest
from sinks.legend import CODE, COLOUR, GROUPS, IPCC, STRATUM, LandClass

FORMAT: Final = "sinks-classifier-1"
NAMES: Final = ("model.json", "model.npz")
#: What a model may take, packed and unpacked [bytes]; the JSON alone is a few pages.
LARGEST: Final = 2 << 30
LARGEST_JSON: Final = 16 << 20
#: What reading a damaged model can raise.
UNREADABLE: Final = (
    ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError,
    zipfile.BadZipFile, EOFError, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Model:
    """A trained classifier.

    Attributes
    ----------
    classes : tuple of LandClass
        In the order of the probabilities.
    forest : Forest
    nodata : tuple of (float or None)
        No-data value of every band that it was trained on.
    low, high : tuple of float
        Least and largest training value of every band.
    about : mapping
        Where it comes from: settings, hashes of image and training polygons, accuracies.
    """

    classes: tuple[LandClass, ...]
    forest: Forest
    nodata: tuple[float | None, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    about: Mapping[str, Any]

    @property
    def bands(self) -> int:
        """How many bands it asks for."""
        return len(self.nodata)


def write_model(model: Model, folder: Path) -> None:
    """Write ``model.json`` and ``model.npz``; the same model gives the same bytes."""
    stream = io.BytesIO()
    arrays = {name: getattr(model.forest, name) for name in ARRAYS}
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    body = stream.getvalue()
    keys = ("code", "stratum", "name_en", "name_zh", "ipcc", "group", "colour")
    content = {
        "format": FORMAT,
        "classes": [{key: getattr(row, key) for key in keys} for row in model.classes],
        "bands": model.bands,
        "nodata": [json_number(value) for value in model.nodata],
        "low": list(model.low),
        "high": list(model.high),
        "about": dict(model.about),
        "arrays": {"file": NAMES[1], "sha256": hashlib.sha256(body).hexdigest()},
    }
    (folder / NAMES[1]).write_bytes(body)
    text = json.dumps(content | {"sha256": _hash(content)}, ensure_ascii=False, indent=1)
    (folder / NAMES[0]).write_text(text + "\n", encoding="utf-8", newline="\n")


def json_number(value: float | None) -> float | str | None:
    """Return a value as JSON has it, which knows no NaN."""
    return "nan" if value is not None and np.isnan(value) else value


def _hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a model says, however its lines are broken."""
    text = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_model(path: Path, *, shown: str, problems: Problems) -> Model | None:
    """Read a model and check that it is whole.

    Parameters
    ----------
    path : Path
        Of ``model.json``.
    shown : str
        The file as messages name it.
    problems : Problems

    Returns
    -------
    Model or None
        None if it was refused: damaged, changed by hand, or none at all.
    """
    try:
        content = json.loads(_bounded(path, LARGEST_JSON))
        if content["format"] != FORMAT:
            raise ValueError(str(content["format"])[:60])
        own = {key: value for key, value in content.items() if key != "sha256"}
        name = str(content["arrays"]["file"])
        if not is_file_name(name):
            raise ValueError(name[:60])
        body = _bounded(path.parent / name, LARGEST)
        same = content["sha256"] == _hash(own)
        if not same or hashlib.sha256(body).hexdigest() != content["arrays"]["sha256"]:
            problems.error("classify.model_changed", file=shown, name=name if same else path.name)
            return None
        return _model(content, body)
    except OSError as error:
        problems.error("classify.model", file=shown, reason=error.strerror or str(error))
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        problems.error("classify.model", file=shown, reason=reason)
    return None


def _bounded(path: Path, most: int) -> bytes:
    if path.exists() and not path.is_file():  # a pipe or a device would never end
        raise ValueError(path.name)
    with path.open("rb") as stream:
        body = stream.read(most + 1)
    if len(body) > most:
        raise ValueError(f"> {most >> 20} MB")
    return body


def _model(content: Mapping[str, Any], body: bytes) -> Model:
    """Return what a model's files hold; ValueError if it cannot be."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        if sum(item.file_size for item in archive.infolist()) > LARGEST:
            raise ValueError(f"> {LARGEST >> 20} MB")
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in ARRAYS}
    kinds = {"threshold": np.float64, "shares": np.float64}
    for name, array in arrays.items():
        if array.dtype != kinds.get(name, np.int64) or array.ndim != 1 + (name == "shares"):
            raise ValueError(name)
    forest = Forest(**arrays)
    classes = tuple(LandClass(**row) for row in content["classes"])
    for row in classes:
        _check(row)
    if len({row.code for row in classes}) < len(classes):
        raise ValueError("code")
    bands = int(content["bands"])
    nodata = tuple(None if value is None else float(value) for value in content["nodata"])
    low, high = (tuple(float(value) for value in content[key]) for key in ("low", "high"))
    if not len(nodata) == len(low) == len(high) == bands:
        raise ValueError("bands")
    fault = forest.fault(bands=bands, classes=len(classes))
    if fault:
        raise ValueError(fault)
    return Model(classes, forest, nodata, low, high, dict(content["about"]))


def _check(row: LandClass) -> None:
    """Refuse a class that no legend could hold."""
    good = (
        CODE.fullmatch(str(row.code)), not isinstance(row.code, str | float),
        STRATUM.fullmatch(row.stratum), row.group in GROUPS, row.ipcc in IPCC,
        COLOUR.fullmatch(row.colour), {type(row.name_en), type(row.name_zh)} == {str},
    )  # fmt: skip
    if not all(good):
        raise ValueError(repr(row.code)[:60])
