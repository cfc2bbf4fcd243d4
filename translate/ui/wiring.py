"""From what somebody does on the page to a plain function: who asks, what goes wrong, one computation at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from translate.ui.scratch import Scratch
from translate.ui.sentences import harmless, sentence

MODEL = {"concurrency_id": "model", "concurrency_limit": 1, "api_visibility": "private"}
"""Options of an event that computes with the model: all of these wait for each other."""
LIGHT = {"concurrency_limit": 4, "api_visibility": "private", "show_progress": "hidden"}
"""Options of an event that does not."""


class Wiring:
    """Gradio's module, and the folder of the page's visitors."""

    def __init__(self, gr: ModuleType, scratch: Scratch) -> None:
        self.gr, self.scratch = gr, scratch

    def asked(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work(visitor, *values)` as Gradio calls it: errors become sentences on the page."""

        def answer(request: Any, *values: Any) -> Any:
            return self._said(work, request.session_hash or "", *values)

        answer.__annotations__ = {"request": self.gr.Request}  # by which Gradio knows what to hand over
        return answer

    def selected(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work(visitor, index, *values)` for a click on one of several pictures."""

        def answer(request: Any, event: Any, *values: Any) -> Any:
            return self._said(work, request.session_hash or "", int(event.index), *values)

        answer.__annotations__ = {"request": self.gr.Request, "event": self.gr.SelectData}
        return answer

    def left(self) -> Callable[..., None]:
        """What is done when somebody closes the page."""

        def answer(request: Any) -> None:
            self.scratch.forget(request.session_hash or "")

        answer.__annotations__ = {"request": self.gr.Request}
        return answer

    def _said(self, work: Callable[..., Any], *values: Any) -> Any:
        try:
            return work(*values)
        except self.gr.Error as error:  # what the page itself has to say
            error.print_exception = False
            raise
        except Exception as error:
            known = sentence(error)
            text = known or "Something went wrong in the program. The terminal where it was started says more"
            raise self.gr.Error(harmless(text), title="", print_exception=known is None) from error


def whole(value: Any, low: int, high: int, default: int) -> int:
    """A number that a visitor gave, within bounds; `default` where the field is empty."""
    return default if value is None else max(low, min(high, int(value)))
