"""Permissions that hold for root, too: tests of read-only folders run as whoever runs them."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

import pytest

#: Linux: reading and writing whatever the mode says, in the numbers of capabilities(7).
OVERRIDE = (1, 2)
DROP_FROM_BOUNDING_SET = 24
VERSION_3 = 0x20080522

needs_modes = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs the capabilities of Linux"
)


def obey_modes() -> None:
    """Take from this process, and from what it starts, root's right to ignore modes."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in OVERRIDE:
        libc.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)
    header = struct.pack("Ii", VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    if libc.capget(header, held):
        raise OSError(ctypes.get_errno(), "capget")
    words = list(struct.unpack("6I", held.raw))  # effective, permitted, inheritable: low, high
    words[0] &= ~sum(1 << capability for capability in OVERRIDE)
    if libc.capset(header, struct.pack("6I", *words)):
        raise OSError(ctypes.get_errno(), "capset")


def read_only(folder: Path) -> Path:
    """Let nobody write in a folder or below it."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def writable(folder: Path) -> Path:
    """Undo `read_only`."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder
