"""What goes wrong while the page works, as a sentence for the person in front of it."""

from __future__ import annotations

import html

from translate.data.images import Unreadable
from translate.errors import UserError
from translate.inference.batching import out_of_memory


def sentence(error: Exception) -> str | None:
    """What to say of it, None where it is a fault of the program. No names of folders on this machine are told."""
    if isinstance(error, UserError):
        return ". ".join(part for part in (error.what, error.expected and f"Expected: {error.expected}") if part)
    if isinstance(error, Unreadable):
        return f"{error.path.name} {error.reason}"
    if out_of_memory(error):
        return "This is too large for the memory of this machine: take a smaller image, or fewer at a time"
    if isinstance(error, FileNotFoundError):
        return "This file is not there any more: uploads are kept for an hour, so give it again"
    if isinstance(error, OSError):
        return f"This machine could not read or write a file: {error.strerror or type(error).__name__}"
    return None


def harmless(text: str) -> str:
    """Text for a place that renders HTML or Markdown: names of files may hold either."""
    shown = html.escape(text)
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]#|~$" else c for c in shown)
