"""The one exception that a user's mistake raises; the command line prints it and exits with 2."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake the user can mend: what is wrong, where (file and key), what was expected, what to type.

    What is built does not know its own key: it says none, or one that begins with a dot, and its builder the rest.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.hint = what, where, expected, hint
        lines = [what if where is None else f"{where}: {what}"]
        if expected:
            lines.append(f"  expected: {expected}")
        if hint:
            lines.append(f"  try: {hint}")
        super().__init__("\n".join(lines))

    def within(self, section: str) -> UserError:
        """The same mistake with its full key, if it is one of `section`."""
        if self.where is not None and not self.where.startswith("."):
            return self
        return UserError(self.what, where=section + (self.where or ""), expected=self.expected, hint=self.hint)


class OfProcess(UserError):  # noqa: N818 - it says whose it is
    """A mistake that one of several processes has met by itself, and must say."""

    def __init__(self, rank: int, error: UserError) -> None:
        super().__init__(f"process {rank}: {error.what}", where=error.where, expected=error.expected, hint=error.hint)


class Elsewhere(UserError):  # noqa: N818 - it says where it is
    """What went wrong in another process, which says so."""


def nearest(name: str, known: Iterable[str]) -> str:
    """' Did you mean "x"?' for the closest known name, or an empty string."""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f' Did you mean "{by_lower[close[0]]}"?' if close else ""


def unknown(
    kind: str, name: str, known: Iterable[str], *, where: str | None = None, hint: str | None = None
) -> UserError:
    """The error for a name that no table holds, with the nearest one and all that are known."""
    names = sorted(known)
    return UserError(
        f'unknown {kind} "{name}".{nearest(name, names)}', where=where, expected="one of " + ", ".join(names), hint=hint
    )
