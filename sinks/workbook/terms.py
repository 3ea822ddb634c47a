"""Words of the tables as the workbook writes them: terms, classes, titles in the place of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sinks import chain
from sinks.parameters import load_table
from sinks.results import Results
from sinks.texts import has_text
from sinks.wording import Words

#: Words that have a term in the reader's language: column → kind of term.
TERMS: Final = {
    "level": "level",
    "pool": "pool",
    "quantity": "quantity",
    "verdict": "verdict",
    "verdict_other_unit": "verdict",
    "confidence": "confidence",
    "share_by": "rule",
    "group": "group",
    "passed": "passed",
    "basis": "basis",
    "answer": "answer",
    "answer_p50": "answer",
    "answer_p95": "answer",
    "source": "source",
    "definition": "wetland.definition",
    "direction": "direction",
    "measure": "measure",
    "status": "status",
    "distribution": "distribution",
    "kind": "kind",
    "noise_basis": "noise_basis",
    "used": "used",
    "consistent": "yes",
    "consistent_other_unit": "yes",
    "approach1_holds": "yes",
    "central": "yes",
}
#: Columns that name strata or groups.
STRATA: Final = (
    "stratum", "from_stratum", "to_stratum", "class", "map_class", "reference_class",
    "mapped_from", "mapped_to", "counted_from", "counted_to", "path",
)  # fmt: skip
#: Columns of several words: what parts them, what joins them for readers, whether they are pools.
LISTS: Final = dict.fromkeys(STRATA, (">", " \u2192 ", False)) | {
    "strata": (";", "; ", False), "pools": (";", "; ", True),
}  # fmt: skip
#: Columns of names that the study gives titles to: column → section of its settings.
TITLED: Final = {
    "target": "targets", "volume_target": "targets", "cover_target": "targets",
    "scenario": "scenarios", "overlay": "overlays", "reconcile": "reconcile",
}  # fmt: skip
#: Columns whose words a packaged table explains.
EXPLAINED: Final = {"change_class": "change_classes", "rule": "change_rules"}


class Terms:
    """The words of one run in the reader's language."""

    def __init__(self, results: Results, words: Words) -> None:
        own = f"name_{words.language}"
        self.words = words
        self.strata = {str(row["stratum"]): str(row[own]) for row in chain.records(results.strata)}
        settings = dict(results.meta.get("settings", {}))
        settings["targets"] = results.meta["study"].get("targets", ())
        self.titles = {
            section: {
                str(item["name"]): str(item.get("title") or item["name"])
                for item in settings.get(section) or ()
            }
            for section in set(TITLED.values())
        }
        self.explained = {
            column: {str(row[column]): str(row[own]) for row in chain.records(load_table(table))}
            for column, table in EXPLAINED.items()
        }

    def _class(self, word: str) -> str:
        return self.strata.get(word) or self.words.term("group", word)

    def of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's cells that have words of their own."""
        words = ((name, str(value)) for name, value in row.items() if isinstance(value, str | bool))
        return {name: self._told(name, word) for name, word in words if word}

    def _told(self, name: str, word: str) -> str:
        if name in LISTS:
            sign, joint, pools = LISTS[name]
            parts = word.split(sign)
            return joint.join(
                self.words.term("pool", part) if pools else self._class(part) for part in parts
            )
        if name == "cause" and has_text(f"map.cause.{word}"):
            return self.words.t(f"map.cause.{word}")
        if name in EXPLAINED:
            return self.explained[name].get(word, word)
        if name in TITLED:
            return self.titles[TITLED[name]].get(word, word)
        if name in TERMS:
            return self.words.term(TERMS[name], word)
        return word
