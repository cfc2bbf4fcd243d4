"""Bytes as people read them."""

from __future__ import annotations


def amount(count: float) -> str:
    """GB, MB or kB, of powers of ten."""
    if count >= 1e9:
        return f"{count / 1e9:,.2f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
