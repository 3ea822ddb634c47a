"""Who surely stands at the top and at the bottom: the rest of an order is not told apart."""

from __future__ import annotations

from typing import Final

from sinks import chain
from sinks.results import Results
from sinks.summary import span_of, unit_words
from sinks.wording import Words

#: From this probability on a region is named among the first or the last.
SURE: Final = 0.95
ENDS: Final = ("top", "bottom")


def sure_places(results: Results, words: Words) -> str:
    """Return the regions that are surely among the ten largest or smallest changes, in a sentence.

    Empty where nothing was drawn, or where all regions fit into the ten.
    """
    table = results.tables.get("ranking")
    if table is None or table.empty:
        return ""
    start, end = span_of(results)
    rows = table[
        (table["quantity"] == "change") & (table["start"] == start) & (table["end"] == end)
    ].sort_values("rank", kind="stable")
    if rows.empty or rows["probability_top"].isna().all() or rows["of"].max() <= 2 * 10:
        return ""
    comma, named = words.t("report.list.comma"), {}
    for name in ENDS:
        sure = chain.records(rows[rows[f"probability_{name}"] >= SURE])
        shown = comma.join(str(row["region_name"]) for row in sure)
        named[name] = shown or words.t("report.places.none")
    return words.t("report.places", start=start, end=end, units=unit_words(results)[0], **named)
