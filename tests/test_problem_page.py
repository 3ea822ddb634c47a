"""The page of all problems is in step with the strings and the code."""

from __future__ import annotations

from tests.problem_page import CHOSEN, PAGE, codes, page, severities


def test_page_is_in_step() -> None:
    """After a change of the strings: ``python -m tests.problem_page``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_problem_has_a_severity() -> None:
    assert set(severities()) == set(codes())
    assert set(CHOSEN) <= set(codes())
    assert {"ERROR", "REPAIR", "WARN"} == set().union(*severities().values())


def test_placeholders_are_not_shown() -> None:
    written = ("{ path = ", "2010 = {", "{z}", "{x}", "{y}")  # as a user writes them
    text = page()
    for part in written:
        text = text.replace(part, "")
    assert "{" not in text
