"""What the keys of one target say of each other: refused where they contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sinks.checks import Problems, nearest
from sinks.sections import TARGET_UNITS, TargetConfig
from sinks.validation import shown


def check_quantity(
    target: TargetConfig,
    overlays: Sequence[Mapping[str, Any]],
    *,
    volumes: bool,
    file: str,
    place: str,
    problems: Problems,
) -> None:
    """Refuse a target whose quantity, kind, unit and sources do not go together.

    Parameters
    ----------
    target : TargetConfig
    overlays : sequence of mapping
        `[[overlays]]` as written, right or wrong.
    volumes : bool
        Whether the study names plots, sub-compartments or a table that may tell volumes.
    file, place : str
        For the messages.
    problems : Problems
    """

    def refuse(code: str, **values: object) -> None:
        problems.error(f"study.{code}", file=file, place=place, **values)

    allowed = ("%",) if target.kind == "share" else TARGET_UNITS[target.quantity]
    if target.unit not in allowed:
        choices = ", ".join(shown(unit) for unit in allowed)
        refuse("target_unit", choices=choices, found=shown(target.unit))
    if target.unit == "%" and target.share_by is not None:
        refuse("share_of_cover", found=target.share_by)
    if target.value <= 0:
        refuse("target_value", found=target.value)
    if (target.share_by == "table") != (target.share_table is not None):
        refuse("share_table", found=target.share_by or "-")
    if (target.share_by == "capacity") != bool(target.share_strata):
        refuse("share_strata", found=target.share_by or "-")
    _check_kind(target, refuse=refuse)
    _check_unanswered(target, volumes=volumes, refuse=refuse)
    _check_overlay(target, overlays, refuse=refuse)
    _check_volume(target, refuse=refuse)


def _check_kind(target: TargetConfig, *, refuse: Any) -> None:
    """Refuse kinds that a quantity does not have, and counts without anything to count."""
    if target.kind == "share" and target.quantity != "area":
        refuse("target_kind", kind=target.kind, quantity=target.quantity, allowed="area")
    if target.kind == "count" and target.quantity != "count":
        refuse("target_kind", kind=target.kind, quantity=target.quantity, allowed="count")
    if target.quantity == "count" and target.kind not in ("count", "level"):
        refuse("target_kind", kind=target.kind, quantity="count", allowed="count, level")


def _check_unanswered(target: TargetConfig, *, volumes: bool, refuse: Any) -> None:
    """Refuse what no input of the study can answer, where no official figure does."""
    if target.reported is not None:
        return
    if target.quantity == "volume":
        _check_estimated(target, volumes=volumes, refuse=refuse)
        return
    if target.quantity == "count" and target.overlay is None:
        refuse("nothing_to_count")
    still = target.overlay is not None and target.kind in ("level", "share")
    if (
        target.groups is None
        and not target.strata
        and target.quantity != "count"
        and not (target.quantity == "area" and still)
    ):
        refuse("missing_key", key="groups")


def _check_overlay(
    target: TargetConfig, overlays: Sequence[Mapping[str, Any]], *, refuse: Any
) -> None:
    """Refuse an overlay that is not there, and a count of parts that it does not tell apart."""
    if target.overlay is None:
        return
    known = {str(overlay.get("name")): overlay for overlay in overlays}
    if target.overlay not in known:
        near = nearest(target.overlay, known) or "-"
        refuse("no_such_overlay", name=target.overlay, near=near)
    elif target.quantity == "count" and not known[target.overlay].get("part"):
        refuse("count_needs_part", name=target.overlay)


def _check_estimated(target: TargetConfig, *, volumes: bool, refuse: Any) -> None:
    """Refuse a volume that the study has no source of, or land that it does not speak of."""
    if not volumes:
        refuse("volume_unknown")
    own = ("forest",) if target.volume == "growing_stock" else ()
    if target.groups is not None and target.groups != own:
        found = ", ".join(target.groups)
        refuse("volume_groups", volume=target.volume, found=found)


def _check_volume(target: TargetConfig, *, refuse: Any) -> None:
    """Refuse to compare growing stock with standing volume: another quantity, a tenth larger."""
    if target.quantity == "volume" and target.strata:
        refuse("volume_groups", volume=target.volume, found=", ".join(target.strata))
    if target.quantity != "volume" or target.baseline is None:
        return
    if target.baseline_volume != target.volume:
        found = target.baseline_volume or "-"
        refuse("volume_baseline", volume=target.volume, found=found)
