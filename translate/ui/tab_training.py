"""The part of the page that shows how the training went, or goes."""

from __future__ import annotations

from typing import Any

from translate.ui import curves
from translate.ui.models import Models
from translate.ui.wiring import LIGHT, Wiring

NOTE = "Newest previews: input, output, and the truth where there is one"
OF_NOISE = "Newest previews: new images, of the same noise each time"


def build(wiring: Wiring, models: Models) -> tuple[Any, list[Any]]:
    """Lay it out. What fills it: a function and its outputs."""
    gr = wiring.gr
    facts = gr.HTML(elem_id="facts")
    again = gr.Button("Look again", size="sm", scale=0, min_width=140)
    note = gr.Markdown(OF_NOISE if models.model.unconditional else NOTE, elem_classes="over", visible=False)
    previews = gr.Gallery(
        label="Previews",
        show_label=False,
        columns=2,
        height="auto",
        object_fit="contain",
        interactive=False,
        buttons=["fullscreen"],
        elem_id="previews",
    )
    charts = gr.HTML(elem_id="curves")

    def look(visitor: str) -> Any:
        folder = wiring.scratch.folder(visitor, "previews")
        shown = []
        for path, caption in curves.previews(models.run):
            copy = folder / path.name
            copy.write_bytes(path.read_bytes())
            shown.append((str(copy), caption))
        found = curves.table(curves.facts(models.run, models.model))
        there = bool(shown)
        return found, gr.Markdown(visible=there), gr.Gallery(value=shown, visible=there), curves.curves(models.run)

    asked, outputs = wiring.asked(look), [facts, note, previews, charts]
    again.click(asked, None, outputs, **LIGHT)
    return asked, outputs
