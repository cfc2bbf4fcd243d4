"""The part of the page where an image goes in and its translation comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from translate.domain import Domain
from translate.report.words import arrow
from translate.ui.models import Models
from translate.ui.sentences import harmless
from translate.ui.translating import SAMPLES, Translated, translated
from translate.ui.wiring import LIGHT, MODEL, Wiring, whole

MOST_SEED = 2**31 - 1


def build(wiring: Wiring, models: Models, checkpoint: Any, megapixels: float) -> None:
    """Lay the controls out and wire them."""
    gr, model = wiring.gr, models.model
    directions = [(arrow(f"{to.other}2{to}"), str(to)) for to in model.directions]
    many = model.stochastic
    shown = gr.State([])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            image = gr.Image(
                label="Image: drop, paste or choose one; it is translated at once",
                sources=["upload", "clipboard"],
                type="filepath",
                image_mode=None,
                buttons=["fullscreen"],
                height=320,
                elem_id="image",
            )
            image.preprocess = (
                _as_it_came  # not in a subclass: for each of these Gradio writes a file beside its module
            )
            to = gr.Radio(
                directions,
                value=directions[0][1],
                label="Direction",
                visible=len(directions) > 1,
                elem_id="direction",
            )
            samples = gr.Slider(1, SAMPLES, 4, step=1, label="Outputs of the image", visible=many)
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MOST_SEED, visible=many)
            png = gr.Checkbox(False, label="Download as PNG", elem_id="png")
            button = gr.Button("Translate", variant="primary", elem_id="translate")
        with gr.Column(scale=3, min_width=300):
            gr.Markdown("Before | after", elem_classes="over")
            slider = gr.ImageSlider(
                label="Before and after",
                show_label=False,
                type="filepath",
                interactive=False,
                buttons=["fullscreen"],
                max_height=560,
                elem_id="slider",
            )
            gr.Markdown("Outputs: click one to compare it", elem_classes="over", visible=many)
            gallery = gr.Gallery(
                label="Outputs",
                show_label=False,
                visible=many,
                columns=4,
                height="auto",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="samples",
            )
            notes = gr.Markdown(elem_classes="notes")
            download = gr.DownloadButton("Download at full size", interactive=False, elem_id="download")

    def work(visitor: str, path: str | None, to: str, samples: Any, seed: Any, png: bool, checkpoint: str) -> Any:
        if path is None:
            raise gr.Error("Give an image first: drop it, paste it, or click to choose one.", title="")
        wiring.scratch.uploaded(visitor, Path(path))
        folder = wiring.scratch.folder(visitor, "translate")
        count, start = whole(samples, 1, SAMPLES, 1), whole(seed, 0, MOST_SEED, 0)
        model = models.get(checkpoint)
        made = translated(model, Path(path), folder / "made", Domain(to), megapixels, count, start, bool(png))
        kept = _saved(made, folder / "shown")
        return (
            kept,
            (kept[0][0], kept[0][1]),
            [(after, f"{number}") for number, (_, after, _) in enumerate(kept, 1)] if many else None,
            _told(made),
            gr.DownloadButton(value=kept[0][2], interactive=True),
        )

    def choose(visitor: str, index: int, kept: list[tuple[str, str, str]]) -> Any:
        before, after, file = kept[index]
        return (before, after), gr.DownloadButton(value=file, interactive=True)

    def empty(visitor: str) -> Any:
        return [], None, None, "", gr.DownloadButton(value=None, interactive=False)

    def refused(visitor: str) -> Any:
        return None, *empty(visitor)

    inputs = [image, to, samples, seed, png, checkpoint]
    outputs = [shown, slider, gallery, notes, download]
    asked, emptied = wiring.asked(work), wiring.asked(empty)
    clicked = button.click(asked, inputs, outputs, show_progress_on=slider, **MODEL)
    # What was made of another image would be taken for this one's, if this one fails.
    given = image.upload(emptied, None, outputs, **LIGHT)
    given = given.then(asked, inputs, outputs, show_progress_on=slider, **MODEL)
    for event in (clicked, given):  # or the box shows a broken frame, and the same is asked for again
        event.failure(wiring.asked(refused), None, [image, *outputs], **LIGHT)
    image.clear(emptied, None, outputs, **LIGHT)
    gallery.select(wiring.selected(choose), shown, [slider, download], **LIGHT)


def _as_it_came(payload: Any) -> str | None:
    """The path of what was uploaded: decoding is ours, since Gradio's knows neither 16 bits nor our limits."""
    return None if payload is None else payload.path


def _saved(made: Translated, folder: Path) -> list[tuple[str, str, str]]:
    """(before, after, the file at full size) of each output."""
    folder.mkdir()
    before = folder / "before.png"
    made.before.save(before, compress_level=1)
    kept = []
    for number, (after, file) in enumerate(zip(made.after, made.files, strict=True), 1):
        shown = folder / f"after-{number}.png"
        after.save(shown, compress_level=1)
        # A browser would keep it beside the input, under the same name.
        name = f"{file.stem}-translated{f'-{number}' if len(made.files) > 1 else ''}{file.suffix}"
        kept.append((str(before), str(shown), str(file.rename(file.with_name(name)))))
    return kept


def _told(made: Translated) -> str:
    width, height = made.size
    return "\n".join([f"{width}×{height} px", *(f"- {harmless(note)}" for note in made.notes)])
