"""Nouns show themselves in a notebook: their numbers, and every name as text."""

from __future__ import annotations

from pathlib import Path

from sinks.display import SHOWN, table
from sinks.legend import packaged_legend
from sinks.regions import Regions
from sinks.sections import TargetConfig
from tests.map_sample import HOSTILE, sample, sample_regions, stock


def test_results_show_the_whole_with_its_interval(tmp_path: Path) -> None:
    shown = sample(tmp_path, pictures=False)._repr_html_()
    whole = sum(stock(i, 2020) for i in range(4))
    for value in (whole, whole * 0.8, whole * 1.2):
        assert f"<td>{value:,.0f}</td>" in shown
    assert "<b>" not in shown


def test_legend_shows_colours_and_regions_show_names_as_text() -> None:
    legend = packaged_legend("clcd")
    shown = legend._repr_html_()
    for row in legend.classes[:SHOWN]:
        assert row.colour in shown
        assert row.name_zh in shown
    frame = sample_regions().rename(columns={"city": "city"}).sort_values("region_code")
    columns = ["region_code", "region_name", "city", "geometry"]
    regions = Regions(frame[columns].reset_index(drop=True), ("city",))
    assert HOSTILE not in regions._repr_html_()
    assert "&lt;img src=x onerror=alert(1)&gt;" in regions._repr_html_()


def test_target_shows_what_it_asks_and_a_long_table_counts_its_rest() -> None:
    target = TargetConfig(
        name="a", quantity="carbon", groups=("forest",), kind="increase", value=6e7, unit="t C",
        start=2010, end=2015, source="<i>plan</i>",
    )  # fmt: skip
    assert "60000000.0" in target._repr_html_()
    assert "&lt;i&gt;plan" in target._repr_html_()
    assert "… +88" in table("t", ["a"], rows=[[i] for i in range(100)])
