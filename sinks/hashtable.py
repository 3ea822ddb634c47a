"""A hash table for the compiled kernel: (first key, second key) → value, open addressing.

The kernel's innermost loop takes arrays one by one: numba counts references on every array that
is unpacked from a tuple, which would cost more than the work itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sinks.compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
#: First key, second key, value, number of filled slots.
Table = tuple[Ints, Words, Ints, Ints]

_EMPTY: Final = -1


def new_table(size: int = 1 << 9) -> Table:
    """Return an empty hash table with a power of two of slots."""
    return (
        np.full(size, _EMPTY, dtype=np.int64),
        np.zeros(size, dtype=np.uint64),
        np.full(size, _EMPTY, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )


def entries(table: Table) -> tuple[Ints, Words, Ints]:
    """Return the filled rows of a table: first key, second key, value."""
    keys, words, values, _ = table
    filled = keys != _EMPTY
    return keys[filled], words[filled], values[filled]


@inlined
def slot_of(keys: Ints, words: Words, fill: Ints, key: int, word: int) -> int:
    """Return the slot of (key, word), taking a free one for a new pair."""
    mask = np.uint64(keys.size - 1)
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(word)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    slot = (mixed ^ (mixed >> np.uint64(29))) & mask
    while keys[slot] != _EMPTY:
        if keys[slot] == key and words[slot] == word:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = key
    words[slot] = word
    fill[0] += 1
    return np.int64(slot)


@compiled
def _move(old: Table, new: Table) -> None:
    keys, words, values, fill = new
    for i in range(old[0].size):
        if old[0][i] != _EMPTY:
            values[slot_of(keys, words, fill, old[0][i], old[1][i])] = old[2][i]


def grown(table: Table) -> Table:
    """Return the table with twice the slots."""
    new = new_table(2 * table[0].size)
    _move(table, new)
    return new
