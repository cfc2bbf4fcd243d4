"""The page as a whole: which parts it has, and what they share."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from translate.ui import curves, tab_draw, tab_results, tab_training, tab_translate
from translate.ui.browsing import Results
from translate.ui.models import Models
from translate.ui.wiring import LIGHT, Wiring

WAITING = 16
"""So many visitors wait at most; more are told that the page is busy."""
SWEPT, OLD = 60, 3600
"""Seconds between two sweeps, and the age at which files of visitors are removed, who may have gone without a word."""


def page(wiring: Wiring, models: Models, results: Results | None, megapixels: float) -> Any:
    """The page of a run, as Gradio's Blocks."""
    gr = wiring.gr
    name = curves.title(models.model.config)
    with gr.Blocks(title=f"{name} - translate", analytics_enabled=False, delete_cache=(SWEPT, OLD)) as blocks:
        gr.HTML(_head(name, models), elem_classes="head")
        checkpoint = gr.Dropdown(
            models.choices,
            value=models.get().checkpoint,
            label="Checkpoint",
            visible=len(models.names) > 1,
            elem_id="checkpoint",
        )
        with gr.Tabs():
            with gr.Tab("Draw" if models.model.unconditional else "Translate"):
                if models.model.unconditional:
                    tab_draw.build(wiring, models, checkpoint)
                else:
                    tab_translate.build(wiring, models, checkpoint, megapixels)
            if results is not None:
                with gr.Tab("Results") as tab:
                    asked, inputs, outputs = tab_results.build(wiring, results, megapixels)
                tab.select(asked, inputs, outputs, **LIGHT)
            with gr.Tab("Training") as tab:
                asked, outputs = tab_training.build(wiring, models)
            tab.select(asked, None, outputs, **LIGHT)

        def opened(visitor: str) -> Any:
            return gr.Dropdown(models.choices, value=models.model.checkpoint, visible=len(models.names) > 1)

        blocks.load(wiring.asked(opened), None, checkpoint, **LIGHT)
        blocks.unload(wiring.left())
    blocks.queue(api_open=False, max_size=WAITING, default_concurrency_limit=1)
    return blocks


def looks(gr: Any) -> Mapping[str, Any]:
    """How it looks, as options of `launch`: the system's own fonts, so that none is fetched."""
    plain = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Default(
        primary_hue="blue", neutral_hue="slate", font=plain, font_mono=["ui-monospace", "Consolas", "monospace"]
    )
    theme.set(  # captions and hints that are read in a bright room, too
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        block_label_text_color="*neutral_600",
        block_title_text_color="*neutral_700",
        input_placeholder_color="*neutral_500",
    )
    return {"theme": theme, "css": (Path(__file__).parent / "page.css").read_text(encoding="utf-8")}


def _head(name: str, models: Models) -> str:
    return f"<h1>{html.escape(name)}</h1><p>{html.escape(str(models.run))}</p>"
