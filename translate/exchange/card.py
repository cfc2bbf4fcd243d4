"""The model card: what somebody reads on a hub before using the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from translate import __version__

if TYPE_CHECKING:
    from translate.config import Config
    from translate.exchange.taken import Taken

LIBRARY = "translate-gan"
UNKNOWN = "What A and B show, its author has not said."


def text(
    taken: Taken,
    name: str,
    *,
    about: str | None = None,
    licence: str | None = None,
    scores: Mapping[str, Any] | None = None,
    grid: bool = False,
) -> str:
    """Markdown with YAML in front. `name`: NAMESPACE/NAME; `about`: what the domains show; `scores`: as `evaluate
    --json` writes; `grid`: whether grid.png lies beside it."""
    config = taken.config
    parts = [
        f"---\n{yaml.safe_dump(front(config, licence), sort_keys=False)}---",
        f"# {name.rpartition('/')[2]}",
        " ".join([_does(config), about or ("" if config.unconditional else UNKNOWN)]).strip(),
        *(["![Examples](grid.png)"] if grid else []),
        f"## How to use it\n\n{_usage(config, name)}",
        f"## How it was trained\n\n{_training(taken)}",
        f"## Scores\n\n{_scores(scores)}",
        f"## Licence\n\n{licence or 'None was given: ask the author before you use the weights for more than a look.'}",
    ]
    return "\n\n".join(parts) + "\n"


def front(config: Config, licence: str | None) -> dict[str, Any]:
    """What the hub files the model under."""
    task = "unconditional-image-generation" if config.unconditional else "image-to-image"
    tags = ["gan", config.networks.generator.name, *([] if config.unconditional else ["image-to-image-translation"])]
    return {
        "library_name": LIBRARY,
        "pipeline_tag": task,
        "tags": tags,
        **({"license": licence} if licence else {}),
    }


def _does(config: Config) -> str:
    if config.unconditional:
        return "Makes new images from noise."
    ways = " and ".join(
        f"images of {domain.other.upper()} into images of {domain.upper()}" for domain in config.produce
    )
    many = ", many for one" if config.stochastic else ""
    return f"Translates {ways}{many}."


def _usage(config: Config, name: str) -> str:
    run = "runs/" + name.rpartition("/")[2]
    apply = f"translate sample {run} OUTPUT" if config.unconditional else f"translate apply {run} INPUT OUTPUT"
    call = ".sample(4)" if config.unconditional else "(image)  # a PIL.Image, an array, a tensor"
    if config.stochastic:
        apply += " --samples 4"
        call = "(image, seed=1)  # another seed, another output"
    return (
        f"With translate-gan {__version__} or newer:\n\n"
        f"```sh\ntranslate pull {name} {run}\n{apply}\n```\n\n"
        f'```python\nimport translate\n\nmade = translate.load("{run}"){call}\n```\n\n'
        "`model.safetensors` holds the weights alone; `config.json` says which networks they are of."
    )


def _training(taken: Taken) -> str:
    config, about = taken.config, taken.about
    (height, width), steps = config.data.size, about.get("step", 0)
    count = sum(value.numel() for value in taken.state.values() if value.is_floating_point())
    options = ", ".join(f"{key} {value}" for key, value in config.networks.generator.options.items())
    imported, batch_norm = bool(about.get("kind")), config.networks.generator.options.get("norm") == "batch"
    lines = [
        *(["Imported: another program has trained and saved these weights"] if imported else []),
        f"Generator: {config.networks.generator.name} ({options}), {count:,} values in all",
        f"Size (height x width): {height}x{width}; larger and smaller images work, and may be worse",
        *([] if config.unconditional else [_sides(taken)]),
        *(
            ["Norm: by the running statistics, as the original's test script has it with --eval"]
            * (imported and batch_norm)
        ),
        *([f"Training images: {about['trained_on']}"] if "trained_on" in about else []),
        f"Objective: {', '.join(config.objective) or 'unknown, the weights come from elsewhere'}",
        *([f"Steps: {steps:,}, of at most {config.training.batch} images each"] if steps else []),
        *(f"Assumed: {assumed}" for assumed in about.get("assumed", ())),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _sides(taken: Taken) -> str:
    from translate.inference.model import Model

    model = Model.of(taken)
    height, width = model.smallest
    return f"Sides: multiples of {model.stride}, at least {height}x{width}; `translate apply` pads what is not"


def _scores(found: Mapping[str, Any] | None) -> str:
    if not found or not any(found.get("metrics", {}).values()):
        return "None: nobody has scored these weights on held-out images."
    from translate.report import tables

    parts = []
    for table in tables.scores(found):
        heads = ["", "score", *table.heads]
        rows = [[f"{line.label} {line.arrow}".strip(), line.ours, *line.beside] for line in table.lines]
        cells = [heads, ["---"] * len(heads), *rows]
        parts.append(f"{table.name}:\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in cells))
    return "\n\n".join([*parts, _protocol(found.get("protocol", {}))])


def _protocol(protocol: Mapping[str, Any]) -> str:
    """How the scores were had, without where the images lay."""
    told = []
    for key in ("split", "n", "size", "resize", "seed", "checkpoint", "step", "version"):
        if key in protocol:
            value = protocol[key]
            words = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            told.append(f"{key}: {'x'.join(map(str, value)) if isinstance(value, list) else words}")
    return f"Protocol: {'; '.join(told)}." if told else ""
