"""The part of the page that leafs through a folder of results, each beside its input."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from translate.data.images import Unreadable
from translate.ui import showing
from translate.ui.browsing import Results
from translate.ui.sentences import harmless
from translate.ui.wiring import LIGHT, Wiring, whole


def build(wiring: Wiring, results: Results, megapixels: float) -> tuple[Any, list[Any], list[Any]]:
    """Lay the controls out and wire them. What fills the page when it is opened: function, inputs, outputs."""
    gr = wiring.gr
    listed = gr.State([])
    with gr.Row():
        text = gr.Textbox(label="Names with", placeholder="all", scale=2, min_width=160, elem_id="filter")
        number = gr.Number(1, label="Page", precision=0, minimum=1, scale=1, min_width=100, elem_id="number")
    with gr.Row():
        back = gr.Button("Back", size="sm", min_width=80, interactive=False, elem_id="back")
        on = gr.Button("Next", size="sm", min_width=80, elem_id="next")
        again = gr.Button("Look again", size="sm", min_width=80)
    told = gr.Markdown(elem_classes="notes")
    gallery = gr.Gallery(
        label="Results",
        show_label=False,
        columns=6,
        height="auto",
        allow_preview=False,
        object_fit="contain",
        interactive=False,
        buttons=[],
        elem_id="results",
    )
    about = gr.Markdown(elem_classes="over")
    compared = gr.ImageSlider(
        label="Input and result",
        show_label=False,
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        max_height=560,
        visible=False,
        elem_id="compared",
    )
    alone = gr.Image(
        label="Result",
        show_label=False,
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        height=560,
        visible=False,
    )

    def leaf(visitor: str, number: Any, text: str | None, by: int = 0) -> Any:
        text = text or ""
        page = whole(number, 1, results.pages(text), 1)
        page = whole(page + by, 1, results.pages(text), 1)
        names = results.page(page, text)
        folder = wiring.scratch.folder(visitor, "results")
        tiles = [
            (_tile(results.path(name), folder / f"{place}.png", megapixels), name) for place, name in enumerate(names)
        ]
        count = len(results.names(text))
        said = f"{count:,} pictures, page {page:,} of {results.pages(text):,}: click one" if count else "No pictures."
        first, last = page == 1, page == results.pages(text)
        turns = gr.Button(interactive=not first), gr.Button(interactive=not last)
        # What was compared may be none of these.
        return names, tiles, page, said, *turns, gr.ImageSlider(visible=False), gr.Image(visible=False), ""

    def look(visitor: str, number: Any, text: str | None) -> Any:
        results.look()
        return leaf(visitor, number, text)

    def choose(visitor: str, index: int, names: list[str]) -> Any:
        name = names[index]
        folder, source = wiring.scratch.folder(visitor, "compared"), results.input_of(name)
        after = _saved(showing.picture(results.path(name), megapixels), folder / "after.png")
        if source is None:
            said = harmless(name) + ("" if results.inputs is None else ": there is no input of this name")
            return gr.ImageSlider(visible=False), gr.Image(value=after, visible=True), said
        before = _saved(showing.picture(source, megapixels), folder / "before.png")
        return (
            gr.ImageSlider(value=(before, after), visible=True),
            gr.Image(visible=False),
            f"{harmless(name)}: input | result",
        )

    shown = [listed, gallery, number, told, back, on, compared, alone, about]
    asked = wiring.asked(leaf)
    gr.on([number.submit, text.submit], asked, [number, text], shown, **LIGHT)
    back.click(wiring.asked(partial(leaf, by=-1)), [number, text], shown, **LIGHT)
    on.click(wiring.asked(partial(leaf, by=1)), [number, text], shown, **LIGHT)
    again.click(wiring.asked(look), [number, text], shown, **LIGHT)
    gallery.select(wiring.selected(choose), listed, [compared, alone, about], **LIGHT)
    return asked, [number, text], shown


def _tile(path: Path, target: Path, megapixels: float) -> str:
    try:
        image = showing.picture(path, megapixels, showing.THUMBNAIL)
    except (Unreadable, OSError):  # it is listed, and a click says what is wrong with it
        image = Image.new("RGB", (showing.THUMBNAIL, showing.THUMBNAIL), "#888888")
    return _saved(image, target)


def _saved(image: Image.Image, path: Path) -> str:
    image.save(path, compress_level=1)
    return str(path)
