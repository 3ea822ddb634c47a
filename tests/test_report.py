"""The report: honest words, numbers that equal the tables, nothing that runs or phones."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import docx
import pandas as pd
import pytest
from PIL import Image

from sinks.closure import closures
from sinks.errors import OutputFailed
from sinks.report import render_report, write_document, write_pdf, write_report
from sinks.report.causes import causes_ledger
from sinks.report.charts import Mark, waterfall
from sinks.report.choropleth import Classes, choropleth, diverging
from sinks.report.document import plain
from sinks.report.errors import budget
from sinks.report.page import page
from sinks.report.paper import browser
from sinks.report.plan import paths
from sinks.report.ranks import sure_places
from sinks.report.svg import element, nice_step, text_width
from sinks.results import Results
from sinks.summary import finding, sentences, target_lines
from sinks.wording import DASH, Words, number, places_for, significant
from tests.conftest import ROOT
from tests.tiny_results import CHANGE, FORMULA, MARKUP, write_tiny

CJK = re.compile(r"[\u3400-\u9fff]")


class Page(HTMLParser):
    """Tags, attributes and text of a page, as a browser would take them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "style" and not self.style:
            self.style = data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_tiny(tmp_path_factory.mktemp("zh") / "out")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_tiny(tmp_path_factory.mktemp("en") / "out", language="en")


def changed(results: Results, name: str, table: pd.DataFrame) -> Results:
    return Results(results.root, results.meta, {**results.tables, name: table}, results.regions)


def test_names_are_text_not_markup(chinese: Results) -> None:
    html = render_report(chinese)
    page = Page(html)
    assert MARKUP not in html
    assert MARKUP in page.text
    assert FORMULA in page.text
    assert "三县小省 <b>" in page.text
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form", "b\\"} & set(
        page.tags
    )
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_nothing_is_fetched(chinese: Results) -> None:
    page = Page(render_report(chinese))
    asked = [(name, value) for name, value in page.attributes if "//" in (value or "")]
    assert {value for _, value in asked} <= {"http://www.w3.org/2000/svg"}
    assert not {"src", "srcset", "data", "action", "style"} & dict(page.attributes).keys()
    links = {value for name, value in page.attributes if name == "href"}
    places = {f"#{value}" for name, value in page.attributes if name == "id"}
    assert {"#summary", "#sign"} <= links <= places
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_policy_lets_through_this_style_alone(english: Results) -> None:
    page = Page(render_report(english))
    policy = next(value for _, value in page.attributes if value and "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_equal_results_give_equal_bytes(chinese: Results, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_report(chinese, tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert b"\r" not in (tmp_path / "one.html").read_bytes()


def test_english_report_says_nothing_in_chinese(english: Results) -> None:
    names = re.compile("青山县|甲市|乙市")
    assert not CJK.findall(names.sub("", render_report(english)))


def test_synthetic_run_is_stamped_and_map_is_internal(chinese: Results) -> None:
    text = Page(render_report(chinese)).text
    assert "合成示例" in text
    assert "内部使用，未经地图审核" in text


def test_approval_number_replaces_the_internal_line(chinese: Results) -> None:
    study = {**chinese.meta["study"], "map_approval": "鄂S(2026)001号"}
    approved = Results(
        chinese.root, {**chinese.meta, "study": study}, chinese.tables, chinese.regions
    )
    text = Page(render_report(approved)).text
    assert "鄂S(2026)001号" in text
    assert "内部使用" not in text


def test_summary_speaks_with_number_unit_year_and_interval(english: Results) -> None:
    text = " ".join(sentences(english))
    assert "In 2015 the study area held 43.7 kt C (95% interval 39.4 to 48.1)" in text
    # 855 t C, ± 120: rounded to the tens that its uncertainty leaves
    assert "From 2010 to 2015 the stock rose by 860 t C (95% interval 740 to 980)" in text
    assert "equal to 3,140 t CO₂. The increase is detectable" in text
    assert "Of 3 counties, 1 show a detectable increase, 1 a detectable decrease" in text


def test_undetectable_change_is_never_called_an_increase(english: Results) -> None:
    change = english.tables["change"]
    whole = change["level"] == "study"
    unsure = change.assign(
        low_t_c=change["low_t_c"].where(~whole, -300.0),
        detectable=change["detectable"] & ~whole,
    )
    text = sentences(changed(english, "change", unsure))[1]
    assert "not detectable" in text
    assert "neither an increase nor a decrease has been shown" in text
    assert "rose" not in text


@pytest.mark.parametrize("code", sorted(CHANGE))
def test_finding_follows_the_interval(english: Results, code: str) -> None:
    change = english.tables["change"].set_index("region_code").loc[code]
    expected = {"420101": "up", "420102": "down", "420201": "none"}
    assert finding(dict(change)) == expected[code]
    assert change["change_t_c"] == CHANGE[code]


def test_both_readings_of_the_unit_stand_side_by_side(english: Results) -> None:
    line = target_lines(english)[0]
    asked, other = line.readings
    assert (asked.unit, other.unit) == ("t C", "t CO2")
    assert asked.required == other.required == pytest.approx(1000.0)
    assert other.achieved == pytest.approx(asked.achieved * 44 / 12)
    # forest: 150 ha × 140 → 170.5 ha × 142
    assert asked.achieved == pytest.approx(170.5 * 142 - 160 * 140)
    assert other.share == pytest.approx(asked.share * 44 / 12)
    text = Page(render_report(english)).text
    assert "read as t C" in text
    assert "read as t CO₂" in text


def test_reading_without_probability_is_judged_by_its_interval(english: Results) -> None:
    other = target_lines(english)[0].readings[1]
    assert other.verdict == ("above" if other.low >= 1 else "spans")
    for verdict, probability in (("met", 0.97), ("not_met", 0.0)):
        told = {"probability_other_unit": probability, "verdict_other_unit": verdict}
        targets = english.tables["targets"].assign(**told)
        given = target_lines(changed(english, "targets", targets))[0].readings[1]
        assert (given.verdict, given.probability) == (verdict, probability)


def test_county_table_is_in_code_order_with_its_words(chinese: Results) -> None:
    text = Page(render_report(chinese)).text
    table = text[text.index("分区结果") :]
    places = [table.index(code) for code in ("420101", "420102", "420201")]
    assert places == sorted(places)
    row = table[places[2] : places[2] + 200]
    assert "不可检出" in row


def test_map_hatches_what_is_not_detectable(chinese: Results) -> None:
    html = render_report(chinese)
    assert html.count("url(#hatch-change)") == 2  # the legend and one county


def test_run_without_intervals_says_so(tmp_path: Path) -> None:
    results = write_tiny(tmp_path / "out", language="en", certain=True)
    text = Page(render_report(results)).text
    assert "was not assessed" in text
    assert "used central values only" in text
    assert "increase is detectable" not in text
    assert "On the central value the target is" in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_run_without_parents_or_outlines(tmp_path: Path, language: str) -> None:
    results = write_tiny(tmp_path / "out", language=language, parents=(), outlines=False)
    html = render_report(results)
    assert "hatch-change" not in html
    assert all(item.passed for item in closures(results))


def test_more_years_bring_a_path_and_its_periods(english: Results) -> None:
    regions, change = english.tables["regions"], english.tables["change"]
    early = regions[regions["year"] == 2010].assign(year=2005)
    before = change.assign(start=2005, end=2010)
    study = {**english.meta["study"], "years": [2005, 2010, 2015]}
    both = change.assign(start=2005)
    transitions = english.tables["transitions"].assign(start=2005)
    stock = english.tables["stock"]
    tables = {
        **english.tables,
        "regions": pd.concat([early, regions]),
        "change": pd.concat([before, change, both]),
        "stock": pd.concat([stock[stock["year"] == 2010].assign(year=2005), stock]),
        "transitions": transitions,
    }
    longer = Results(english.root, {**english.meta, "study": study}, tables, english.regions)
    text = Page(render_report(longer)).text
    assert "Carbon stock over the years" in text
    assert "2005–2010" in text
    assert "2010–2015" in text


def test_unverified_parameters_are_flagged(chinese: Results) -> None:
    text = Page(render_report(chinese)).text
    assert text.count("▲ 未核实") == 2
    assert "12 行参数中有 4 行未经核实" in text


def test_steady_density_is_named_as_a_limit(english: Results) -> None:
    assert "growth of standing forest" not in " ".join(limits_of(english))
    parameters = english.tables["parameters"]
    steady = parameters.assign(value=parameters["value"].replace(42.0, 40.0))
    assert "growth of standing forest" in " ".join(
        limits_of(changed(english, "parameters", steady))
    )


def limits_of(results: Results) -> list[str]:
    html = render_report(results)
    section = html[html.index('id="limits"') : html.index('id="checks"')]
    return Page(section).words


def test_closures_hold_and_a_tampered_number_is_found(english: Results) -> None:
    assert all(item.passed for item in closures(english))
    stock = english.tables["stock"]
    wrong = stock.assign(stock_t_c=stock["stock_t_c"] + 1.0)
    results = changed(english, "stock", wrong)
    assert [item.name for item in closures(results) if not item.passed] == ["pools"]
    assert "DOES NOT CLOSE" in Page(render_report(results)).text


@pytest.mark.parametrize(
    ("table", "column", "broken"),
    [
        ("change", "change_t_c", {"difference", "gain_loss", "effects", "transitions_change"}),
        ("transitions", "area_ha", {"transitions_area"}),
        ("coverage", "nodata_ha", {"coverage"}),
        ("regions", "valid_ha", {"parents_area"}),
    ],
)
def test_every_closure_can_fail(
    english: Results, table: str, column: str, broken: set[str]
) -> None:
    frame = english.tables[table]
    first = frame.index == frame.index[0]
    wrong = frame.assign(**{column: frame[column] + first * 7.0})
    results = changed(english, table, wrong)
    assert {item.name for item in closures(results) if not item.passed} == broken


def test_sources_and_inputs_are_printed(english: Results) -> None:
    text = Page(render_report(english)).text
    assert "plan of the tiny province" in text
    assert "worked by hand" in text
    assert "@SUM(1+1)*cmd" in text
    assert "abababababababab" in text


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [(-1234567.0, -3, "−1,235,000"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"), (float("nan"), 1, "–")],
)
def test_numbers_are_rounded_and_grouped(value: float, places: int, shown: str) -> None:
    assert number(value, places) == shown


@pytest.mark.parametrize(
    ("spread", "places"), [(6.7, 1), (52.0, 0), (9.96, 0), (0.0123, 3), (1234.0, -2), (0.0, 0)]
)
def test_two_digits_of_the_uncertainty_decide(spread: float, places: int) -> None:
    assert places_for(spread) == places


def test_number_without_uncertainty_keeps_three_digits() -> None:
    assert significant(1234567.0) == "1,230,000"
    assert significant(0.04567) == "0.0457"
    assert significant(0.0) == "0"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "< 0.01"), (1.0, "> 0.99"), (0.5, "0.50"), (0.948, "0.948"), (0.951, "0.951")],
)
def test_probability_is_never_certain_and_never_hides_its_side(value: float, shown: str) -> None:
    assert Words("en").probability(value) == shown


def test_masses_take_the_unit_of_the_language() -> None:
    assert Words("zh").amount(60e6, Words("zh").carbon(60e6)) == "6,000 万吨碳"
    assert Words("en").amount(60e6, Words("en").carbon(60e6)) == "60.0 Mt C"
    assert Words("en").exactly(60e6, Words("en").carbon(60e6)) == "60 Mt C"
    assert Words("en").amount(0.86, Words("en").carbon(0.86)) == "0.860 t C"


def test_markup_is_escaped_by_construction() -> None:
    drawn = element("text", '<script>"', title='"><script>')
    assert "<script" not in str(drawn)


def test_change_classes_are_symmetric_about_zero() -> None:
    classes = diverging([-3.0, 0.2, 5.5, float("nan")])
    assert classes.breaks == tuple(-edge for edge in reversed(classes.breaks))
    assert classes.colour(-0.1) != classes.colour(0.1)
    assert classes.colour(float("nan")) not in classes.colours


def test_map_without_a_value_is_grey_not_zero(chinese: Results) -> None:
    words = {"id": "x", "title": "t", "legend": "l", "no_data": "none here", "range": "{low}{high}"}
    drawn = choropleth(
        chinese.regions, {}, classes=Classes((0.0,), ("#111111", "#222222")), words=words
    )
    assert 'fill="#111111" stroke="#fff"' not in drawn
    assert "none here" in drawn


def test_steps_of_an_axis_are_round() -> None:
    assert [nice_step(span) for span in (87.0, 1.0, 0.0, float("nan"))] == [20.0, 0.2, 1.0, 1.0]
    assert text_width("湖北", 10) == 20.0


# Word and PDF


def test_document_holds_the_reports_words_and_numbers(english: Results, tmp_path: Path) -> None:
    write_document(english, tmp_path / "a.docx")
    write_document(english, tmp_path / "b.docx")
    assert (tmp_path / "a.docx").read_bytes() == (tmp_path / "b.docx").read_bytes()
    document = docx.Document(str(tmp_path / "a.docx"))
    body = [part.text for part in document.element.body.iter() if part.tag.endswith("}t")]
    told = " ".join(" ".join(body).split())
    html = render_report(english)
    inside = html[html.index("<body>") : html.index("</body>")].replace("<br>", "<br/>")
    tree = ET.fromstring(inside + "</body>")
    shown = [node for tag in ("h1", "h2", "h3", "p", "li", "th", "td") for node in tree.iter(tag)]
    assert len(shown) > 300
    for node in shown:
        assert " ".join(plain(node).split()) in told
    drawings = list(tree.iter("{http://www.w3.org/2000/svg}svg"))
    with zipfile.ZipFile(tmp_path / "a.docx") as made:
        names = [name for name in made.namelist() if name.endswith(".svg")]
        assert len(names) == len(drawings) > 5
        for name in names:
            assert ET.fromstring(made.read(name)).get("viewBox")
        pictures = [Image.open(made.open(n)) for n in made.namelist() if n.endswith(".png")]
        colours = [len(picture.convert("RGB").getcolors(1 << 24)) for picture in pictures]
    assert len(pictures) > 5
    assert min(colours) > 10, "programs that show no SVG see an empty field"
    assert MARKUP in told


def test_page_is_xml_but_for_line_breaks() -> None:
    """The Word document is read from it: no entity of HTML alone, no other tag without an end."""
    body = (ROOT / "sinks/templates/report.html.j2").read_text(encoding="utf-8")
    body = body[body.index("<body>") :]
    assert set(re.findall(r"&\w+;", body)) <= {"&amp;", "&lt;", "&gt;", "&quot;"}
    assert not re.findall(r"<(?:hr|img|input|wbr|col|link|source)\b", body)


def test_document_turns_its_pages_for_wide_tables_alone(english: Results, tmp_path: Path) -> None:
    write_document(english, tmp_path / "a.docx")
    document = docx.Document(str(tmp_path / "a.docx"))
    assert [part.page_width > part.page_height for part in document.sections].count(True) == 1
    wide = [table for table in document.tables if len(table.columns) >= 11]
    assert wide
    assert all(table.rows[0]._tr.trPr is not None for table in wide)


@pytest.mark.skipif(browser() is None, reason="Chromium is not installed")
def test_pdf_is_printed_and_has_no_time(english: Results, tmp_path: Path) -> None:
    write_pdf(english, tmp_path / "report.pdf")
    made = (tmp_path / "report.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    assert len(made) > 20_000
    assert b"(D:20000101000000" in made


def test_without_a_browser_the_message_says_what_to_do(
    english: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputFailed, match="open report"):
        write_pdf(english, tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_causes_are_those_of_the_table_and_add_up(english: Results) -> None:
    """20.5 ha became forest and gained 80 t C each, ± 60; the maps' error may make a fifth."""
    ledger = causes_ledger(english, Words("en"))
    rows = {row["name"]: row for row in ledger.rows}
    new = rows["New forest"]
    assert new["change"]["signed"] == "+1,640"
    assert (new["change"]["low"], new["change"]["high"]) == ("1,580", "1,700")
    assert (new["noise_area"], new["noise_share"], new["noise_carbon"]) == ("4.10", "20.0%", "+328")
    assert rows["Standing forest: growth"]["noise_area"] == DASH
    assert rows["Total"]["change"]["signed"] == "+860"
    assert "Wetland lost" in rows
    html = Page(render_report(english)).text
    assert "published accuracy of the product" in html


def test_unknown_error_is_said_and_never_zero(english: Results) -> None:
    table = english.tables["attribution"]
    unknown = table.assign(noise_ha=math.nan, noise_t_c=math.nan, noise_basis="unknown")
    results = changed(english, "attribution", unknown)
    assert causes_ledger(results, Words("en")).extra["noise"] is False
    text = Page(render_report(results)).text
    assert "classification error alone could make is not known" in text
    assert "Error alone: area" not in text


def two_targets(results: Results) -> Results:
    """Return the run with a second target, without interval, and both under titles."""
    table = results.tables["targets"]
    area = table[table["level"] == "study"].assign(
        target="woods", quantity="area", unit="ha", required=200.0, achieved=170.5, low=math.nan,
        high=math.nan, se=math.nan, share_achieved=0.8525, probability=math.nan, verdict="",
        achieved_other_unit=math.nan, other_unit="",
    )  # fmt: skip
    study = dict(results.meta["study"])
    own = study["targets"][0] | {"title": "Carbon of the woods"}
    more = own | {"name": "woods", "title": "Land of the woods", "quantity": "area", "unit": "ha"}
    more |= {"kind": "level", "value": 200.0, "pools": [], "source": "second plan"}
    meta = {**results.meta, "study": study | {"targets": [own, more]}}
    tables = {**results.tables, "targets": pd.concat([table, area], ignore_index=True)}
    return Results(results.root, meta, tables, results.regions)


def test_targets_without_interval_stand_in_the_ledger_alone(english: Results) -> None:
    results = two_targets(english)
    content = page(results)
    detailed = {entry["name"]: entry["detailed"] for entry in content["targets"]}
    assert detailed == {"Carbon of the woods": True, "Land of the woods": False}
    html = render_report(results)
    assert html.count("<h3>Carbon of the woods</h3>") == 1
    assert "<h3>Land of the woods</h3>" not in html
    assert "170.5" in html or "171" in html
    assert content["sources"] == ["plan of the tiny province", "second plan"]


def test_every_target_has_its_place_on_the_path(english: Results) -> None:
    """Per cent lack points; a rate is one of each year, and none is needed in the last."""
    row = {
        "target": "woods", "year": 2015, "unit": "%", "baseline": 38.0, "on_path": 41.0,
        "achieved": 40.0, "rate_planned": 0.6, "rate_so_far": 0.4, "rate_needed": math.nan,
    }  # fmt: skip
    area = row | {"target": "forest-carbon", "unit": "ha", "on_path": 2.5e6, "rate_needed": 5e4}
    results = changed(two_targets(english), "target_path", pd.DataFrame([row, area]))
    cover, land = paths(results, Words("en"))
    assert (cover["title"], cover["achieved"]) == ("Land of the woods", "40.0%")
    assert (cover["planned"], cover["needed"]) == ("0.600 points", "–")
    assert (land["on_path"], land["needed"]) == ("2.50 million ha", "50.0 thousand ha")


def test_only_sure_places_are_named(english: Results) -> None:
    names = [f"county {k}" for k in range(30)]
    chance = [1.0, 0.96, 0.9] + [0.0] * 27
    ranks = pd.DataFrame({
        "region_name": names, "quantity": "change", "start": 2010, "end": 2015,
        "rank": range(1, 31), "of": 30, "probability_top": chance, "probability_bottom": 0.0,
    })  # fmt: skip
    told = sure_places(changed(english, "ranking", ranks), Words("en"))
    assert "county 0, county 1;" in told
    assert "county 2" not in told
    assert "smallest: none" in told
    assert sure_places(changed(english, "ranking", ranks.assign(of=20)), Words("en")) == ""


def test_caption_names_the_target_by_its_title(english: Results) -> None:
    text = Page(render_report(two_targets(english))).text
    assert "speak of target “Carbon of the woods”" in text
    assert "forest-carbon" not in text


def test_error_of_one_source_is_a_sentence_and_no_drawing(english: Results) -> None:
    rows = [
        {"quantity": quantity, "source": source, "se_t_c": 60.0, "share_of_variance": share}
        for quantity in ("stock", "change")
        for source, share in (("all", 1.0), ("density_table", 1.0))
    ]
    head = {"region_code": "ALL", "region_name": "ALL", "level": "study", "start": 2010}
    table = pd.DataFrame(rows).assign(**head, end=2015, approach1_se_t_c=70.0)
    found = budget(
        changed(english, "error_budget", table.assign(approach1_holds="true")), Words("en")
    )
    assert found is not None
    assert found["chart"] is None
    assert "densities of the table" in found["lines"][0]


def test_intervals_of_steps_stand_on_their_steps() -> None:
    """A step from 10 to 14 with ± 1 has its whisker from 13 to 15, and not from 3 to 5."""
    marks = [
        Mark("a", 10.0, math.nan, math.nan, True), Mark("b", 4.0, 3.0, 5.0, True),
        Mark("change", 14.0, 12.0, 16.0, True),
    ]  # fmt: skip
    drawn = waterfall("t", [("", marks)], unit="t")
    ends = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="\1" y2="([\d.]+)"', drawn)
    heights = {(float(low) - float(high)) for _, low, high in ends if float(low) > float(high)}
    tops = sorted({float(high) for _, low, high in ends if float(low) > float(high)})
    assert len(heights) == 2
    # 16 stands above 15 by half as much as the interval of 12 to 16 is high over 2
    assert tops[1] - tops[0] == pytest.approx(max(heights) / 4, abs=0.2)
