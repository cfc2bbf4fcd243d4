"""The part of the page where new images are drawn, and what lies between two of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from translate.data import images
from translate.ui.drawing import COUNT, STEPS, Wish, between, drawn, truncation_of
from translate.ui.models import Models
from translate.ui.tab_translate import MOST_SEED
from translate.ui.wiring import MODEL, Wiring, whole

ALL = "all in turn"


def build(wiring: Wiring, models: Models, checkpoint: Any) -> None:
    """Lay the controls out and wire them."""
    gr, model = wiring.gr, models.model
    truncates = truncation_of(model)
    meaning, top = truncates or ("", 1.0)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MOST_SEED, elem_id="seed")
            count = gr.Slider(1, COUNT, 16, step=1, label="Images", elem_id="count")
            label = gr.Dropdown([ALL, *model.classes], value=ALL, label="Class", visible=bool(model.classes))
            truncation = gr.Slider(
                0.1, top, top, step=0.05, label="Truncation", info=meaning, visible=truncates is not None
            )
            button = gr.Button("Draw", variant="primary", elem_id="draw")
        with gr.Column(scale=3, min_width=300):
            gallery = gr.Gallery(
                label="New images",
                show_label=False,
                columns=4,
                height="auto",
                interactive=False,
                buttons=["download", "download_all", "fullscreen"],
                elem_id="drawn",
            )
    gr.Markdown("### From one image to another")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            one = gr.Number(0, label="Seed of the first", precision=0, minimum=0, maximum=MOST_SEED)
            other = gr.Number(1, label="Seed of the last", precision=0, minimum=0, maximum=MOST_SEED)
            share = gr.Slider(0, 1, 0.5, step=0.01, label="Where between them", elem_id="share")
            walk = gr.Button("Show the way", elem_id="walk")
        with gr.Column(scale=3, min_width=300):
            here = gr.Image(
                label="At this place",
                show_label=False,
                type="filepath",
                interactive=False,
                buttons=["download", "fullscreen"],
                height=280,
                elem_id="here",
            )
            way = gr.Gallery(
                label="The way",
                show_label=False,
                columns=STEPS,
                height="auto",
                interactive=False,
                buttons=[],
                elem_id="way",
            )

    def wish(label: Any, truncation: Any) -> Wish:
        return Wish(None if label in (None, ALL) else label, None if truncates is None else truncation)

    def draw(visitor: str, seed: Any, count: Any, label: Any, truncation: Any, checkpoint: str) -> Any:
        folder = wiring.scratch.folder(visitor, "draw")
        many, start = whole(count, 1, COUNT, 1), whole(seed, 0, MOST_SEED, 0)
        return [str(path) for path in drawn(models.get(checkpoint), folder, start, many, wish(label, truncation))]

    def place(
        visitor: str, one: Any, other: Any, share: Any, label: Any, truncation: Any, checkpoint: str, kind: str = "here"
    ) -> Any:
        shares = [float(share)] if kind == "here" else [step / (STEPS - 1) for step in range(STEPS)]
        folder = wiring.scratch.folder(visitor, kind)
        seeds = whole(one, 0, MOST_SEED, 0), whole(other, 0, MOST_SEED, 1)
        made = between(models.get(checkpoint), seeds, shares, wish(label, truncation))
        paths = [folder / f"between-{seeds[0]}-{seeds[1]}-{share:.2f}.png" for share in shares]
        for path, pixels in zip(paths, made, strict=True):
            images.save(pixels, path)
        return str(paths[0]) if kind == "here" else [str(path) for path in paths]

    def show(*values: Any) -> Any:
        return place(*values), along(*values)

    along = partial(place, kind="way")

    gr.on([button.click], wiring.asked(draw), [seed, count, label, truncation, checkpoint], gallery, **MODEL)
    places = [one, other, share, label, truncation, checkpoint]
    walk.click(wiring.asked(show), places, [here, way], **MODEL)
    share.release(wiring.asked(place), places, here, trigger_mode="always_last", show_progress="hidden", **MODEL)
