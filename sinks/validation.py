"""Tables of a TOML file against their models: everything that is wrong, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from sinks.checks import STEERING, Problems, nearest
from sinks.texts import has_text, text

Location = tuple[Any, ...]
#: Marks of the alternatives of a value in pydantic's locations; no key of a file begins so.
MARK: Final = "<"
#: A key or value in a message is cut at this length [characters].
LONGEST: Final = 120
#: Mistakes of one file told one by one: beyond them it is another file.
TOLD: Final = 100


class Part(BaseModel):
    """Base of the tables of a study file: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _one_line(value: str) -> str:
    """Refuse line breaks and characters that steer a terminal or turn the text after them."""
    if STEERING.search(value):
        raise PydanticCustomError("one_line", "one line of text")
    return value


#: Text that is shown as it is.
Line = Annotated[str, AfterValidator(_one_line)]
#: One line that says something; the space around it is taken off.
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    AfterValidator(_one_line),
]

#: Sizes that a figure of a plan may have: beyond them its unit is another.
SMALLEST: Final = 1e-9
LARGEST: Final = 1e15


def _sized(value: float) -> float:
    """Refuse figures so small or so large that a ratio or a product of them is no number."""
    if value != 0 and not SMALLEST <= abs(value) <= LARGEST:
        ends = {"least": f"{SMALLEST:g}", "most": f"{LARGEST:g}"}
        raise PydanticCustomError("sized", "0, or a size from {least} to {most}", ends)
    return value


#: A figure that somebody states, in a unit of its own.
Stated = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_sized)]

Model = TypeVar("Model", bound=Part)


def tuples(value: Any) -> Any:
    """Turn TOML arrays into tuples, which the strict frozen models ask for."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def read_part(
    model: type[Model], data: Mapping[str, Any], *, file: str, problems: Problems
) -> Model | None:
    """Check a table and everything in it.

    Parameters
    ----------
    model : type
    data : mapping
        As TOML gives it, arrays as `tuples`.
    file : str
        The file as messages name it.
    problems : Problems
        Takes everything that is wrong.

    Returns
    -------
    Part or None
        Without what was wrong, so that the rest can be checked in the same go; None if the rest
        cannot stand without it.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        items = list(_items(error))
        # A list that lacks entries because of what is wrong with one is not wrong itself.
        holders = {place[:depth] for place, _ in items for depth in range(len(place))}
        own = [item for item in items if item[0] not in holders]
        wrong = {_report(item, model, file=file, problems=problems) for item in own[:TOLD]}
        if len(own) > TOLD:
            problems.error("study.many_more", file=file, count=len(own) - TOLD, limit=TOLD)
            return None
    try:
        return model.model_validate(_without(data, (), wrong=wrong))
    except ValidationError:
        return None


def _items(error: ValidationError) -> Iterator[tuple[Location, Any]]:
    """Yield pydantic's findings with the location as the file's author knows it."""
    for item in error.errors(include_url=False):
        location = (key for key in item["loc"] if not str(key).startswith(MARK))
        yield tuple(location), item


def _report(
    found: tuple[Location, Any], model: type[Part], *, file: str, problems: Problems
) -> Location:
    """Put one finding in plain words; return what has to go for the rest to be checked."""
    location, item = found
    place = ".".join(str(key)[:LONGEST] for key in location)
    key = str(location[-1])[:LONGEST] if location else ""
    if item["type"] == "missing":
        problems.error("study.missing_key", file=file, place=place, key=key)
    elif item["type"] == "extra_forbidden":
        near = nearest(key, _known_keys(model, location[:-1]))
        problems.error("study.unknown_key", file=file, place=place, key=key, nearest=near)
    elif "expected" in item.get("ctx", {}):
        choices = str(item["ctx"]["expected"]).replace(" or ", ", ")
        value = shown(item["input"])
        problems.error("study.bad_choice", file=file, place=place, choices=choices, found=value)
    else:
        rule = _rule(item, problems)
        value = shown(item["input"])
        problems.error("study.bad_value", file=file, place=place, rule=rule, found=value)
    for depth, part in enumerate(location):
        if isinstance(part, int):
            return location[: depth + 1]  # of a list, the whole entry
    return location


def shown(value: object) -> str:
    """Return a value as the file would write it, cut to a line."""
    return json.dumps(value, ensure_ascii=False, default=str)[:LONGEST]


def _rule(item: Any, problems: Problems) -> str:
    """Return what a value of the key must be."""
    key = f"study.rule.{item['type']}"
    if not has_text(key):
        return str(item["msg"])
    return text(key, problems.language, **item.get("ctx", {}))


def _known_keys(model: type[Part], location: Location) -> list[str]:
    """Return the keys that the table at `location` may hold."""
    for key in location:
        field = model.model_fields.get(str(key))
        if field is not None:
            model = next(_parts(field.annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _parts(annotation: Any) -> Iterator[type[Part]]:
    """Yield the tables that a key's type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _without(value: Any, place: Location, *, wrong: set[Location]) -> Any:
    """Return a copy of `value` without what stands at the places named."""
    if isinstance(value, dict):
        items = {key: (*place, key) for key in value}
        return {
            key: _without(value[key], at, wrong=wrong)
            for key, at in items.items()
            if at not in wrong
        }
    if isinstance(value, tuple):
        return tuple(
            _without(item, (*place, index), wrong=wrong)
            for index, item in enumerate(value)
            if (*place, index) not in wrong
        )
    return value
