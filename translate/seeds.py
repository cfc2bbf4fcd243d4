"""Seeds out of positions: everything random is a function of where it stands, so nothing random has to be saved."""

from __future__ import annotations

from hashlib import blake2b


def seed_of(*position: int | str) -> int:
    """63 bits that any change of any part changes, the low 32 too (torch's CPU generator drops the rest)."""
    return int.from_bytes(blake2b(repr(tuple(map(str, position))).encode(), digest_size=8).digest(), "little") >> 1
