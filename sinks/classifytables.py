"""What ``sinks classify`` says: accuracies side by side, classes, training land, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from sinks.landcover.classify import Applied, Trained
from sinks.landcover.folds import Validation
from sinks.landcover.modelfile import Model
from sinks.landcover.training import Cells, Polygons
from sinks.results import write_table
from sinks.texts import Language, text

#: Role of every row of ``training.csv``: `[accuracy]` refuses it as a sample.
ROLE: Final = "training"
#: A smaller gap between the two overall accuracies is within what folds differ by.
SMALL_GAP: Final = 0.01


def write_tables(trained: Trained, polygons: Polygons, *, cells: Cells, folder: Path) -> None:
    """Write the tables of training: accuracies, error matrices, and the marked training land."""
    classes = trained.model.classes
    tables = {
        "cross_validation": pd.DataFrame([_overall(item) for item in trained.validations]),
        "cross_validation_classes": pd.concat(
            [_by_class(item, trained.model) for item in trained.validations], ignore_index=True
        ),
        "cross_validation_matrix": pd.DataFrame(
            [
                (item.method, classes[i].code, classes[j].code, int(item.matrix[i, j]))
                for item in trained.validations
                for i in range(len(classes))
                for j in range(len(classes))
            ],
            columns=["method", "mapped_code", "reference_code", "cells"],
        ),
        "training": _training(trained, polygons, cells=cells),
    }
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")


def _overall(item: Validation) -> dict[str, Any]:
    return {
        "method": item.method, "folds": item.folds, "cells": int(item.matrix.sum()),
        "overall_accuracy": item.overall,
    }  # fmt: skip


def _by_class(item: Validation, model: Model) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": item.method,
            "code": [str(row.code) for row in model.classes],
            "stratum": [row.stratum for row in model.classes],
            "cells": item.matrix.sum(axis=0),
            "users_accuracy": item.users,
            "producers_accuracy": item.producers,
        }
    )


def _training(trained: Trained, polygons: Polygons, *, cells: Cells) -> pd.DataFrame:
    """Return a row for each polygon that gave cells, marked as training data."""
    used = np.bincount(cells.polygon, minlength=len(polygons.codes))
    rows = np.flatnonzero(used)
    points = [polygons.shapes[row].representative_point() for row in rows]
    return pd.DataFrame(
        {
            "polygon": rows + 1,
            "reference": [str(code) for code in polygons.codes[rows]],
            "x": [point.x for point in points],
            "y": [point.y for point in points],
            "block": trained.blocks[rows] + 1,
            "cells": used[rows],
            "role": ROLE,
        }
    )


def class_table(applied: Applied, model: Model) -> pd.DataFrame:
    """Return the cells of every class on the map."""
    known = max(sum(applied.cells.values()), 1)
    return pd.DataFrame(
        {
            "code": [str(row.code) for row in model.classes],
            "stratum": [row.stratum for row in model.classes],
            "name_en": [row.name_en for row in model.classes],
            "name_zh": [row.name_zh for row in model.classes],
            "cells": [applied.cells[row.code] for row in model.classes],
            "share_pct": [100 * applied.cells[row.code] / known for row in model.classes],
        }
    )


def sentences(
    trained: Trained | None, applied: Applied, *, model: Model, language: Language
) -> list[str]:
    """Return what was found, in words: the two accuracies and why they differ, and the map."""
    lines: list[str] = []
    if trained is not None:
        random, blocked = trained.validations
        lines.append(
            text(
                "classify.accuracies", language, random=_percent(random.overall),
                blocked=_percent(blocked.overall), folds=blocked.folds,
                side=f"{trained.block_m:,.4g}",
            )
        )  # fmt: skip
        lines.append(_gap(random.overall - blocked.overall, language))
        for k, row in enumerate(model.classes):
            lines.append(
                text(
                    "classify.class", language, code=row.code, name=row.name(language),
                    users=_percent(blocked.users[k]), producers=_percent(blocked.producers[k]),
                    random_users=_percent(random.users[k]),
                    random_producers=_percent(random.producers[k]),
                )
            )  # fmt: skip
        lines.append(text("classify.not_a_sample", language))
    known = sum(applied.cells.values())
    lines.append(
        text(
            "classify.map", language, cells=f"{known:,}", empty=f"{applied.empty:,}",
            beyond=_percent(applied.beyond / max(known, 1)),
        )
    )  # fmt: skip
    return lines


def _gap(gap: float, language: Language) -> str:
    points = f"{abs(100 * gap):.1f}"
    if gap > SMALL_GAP:
        return text("classify.gap.large", language, points=points)
    if gap < -SMALL_GAP:
        return text("classify.gap.below", language, points=points)
    return text("classify.gap.small", language, points=points)


def _percent(part: float) -> str:
    return "–" if np.isnan(part) else f"{100 * part:.1f}%"
