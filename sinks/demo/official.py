"""The official figures of the example: invented, to show how a map and a bureau are reconciled."""

from __future__ import annotations

from pathlib import Path

from sinks.demo.frame import table
from sinks.texts import Language, text


def write_official(path: Path, *, year: int, language: Language) -> None:
    """Write the example's official figures as CSV, UTF-8 with a byte-order mark.

    Every figure is invented and says so in its source.
    """
    rows = table("official").drop(columns=["basis", "source"])
    rows = rows.rename(columns={"place_zh": "region_code"})
    rows.insert(1, "year", year)
    rows.insert(3, "groups", "forest")
    trees = text("demo.official.trees", language)
    rows["remark"] = [trees if part == "definition" else "" for part in rows["part"]]
    rows["source"] = text("demo.official.source", language)
    content = rows.to_csv(index=False, lineterminator="\n")
    path.write_bytes(content.encode("utf-8-sig"))
