"""The reference of what has a name: networks, terms, presets, metrics, findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from configuration import said
from markup import code, docstring, plain, table

from translate import diagnosis, signatures
from translate.config import about, load, presets
from translate.metrics import BESIDE, DISTRIBUTIONS, DIVERSITY, TABLE, Entry
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.terms import TABLE as TERMS

TABLES = {
    "Generators": ("networks.generator", GENERATORS),
    "Discriminators": ("networks.discriminator", DISCRIMINATORS),
    "Encoders": ("networks.encoder", ENCODERS),
    "Terms": ("objective", TERMS),
}


def parts() -> str:
    """Networks and terms with their options."""
    return "\n".join(line for title, (key, entries) in TABLES.items() for line in _entries(title, key, entries))


def _entries(title: str, key: str, entries: dict[str, str]) -> Iterator[str]:
    yield f"## {title}\n\nIn the configuration: `{key}`.\n"
    for name, target in entries.items():
        found = signatures.find(title, name, entries, where=key)
        yield f"### {name} {{ #{title.lower()}-{name} }}\n\n{plain(docstring(target))}\n"
        if needs := found.attributes.get("needs"):
            yield "Needs: " + ", ".join(map(code, needs)) + ".\n"
        if found.options:
            yield table(
                ("option", "default", "takes"),
                [
                    (code(o), code(_yaml(option.default)), takes(option.annotation))
                    for o, option in found.options.items()
                ],
            )


def takes(annotation: str) -> str:
    """An annotation, as it stands in a source, in words."""
    return said(eval(annotation, {"Literal": Literal}))  # of our own classes


def _yaml(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    return "[" + ", ".join(map(_yaml, value)) + "]" if isinstance(value, list | tuple) else str(value)


def presets_page() -> str:
    """What each preset says of itself, and its file."""
    lines = []
    for name, path in presets().items():
        text, yaml = about(path), path.read_text(encoding="utf-8").rstrip()
        body = yaml.split("\n", len(text.splitlines()))[-1].strip("\n")
        lines.append(f"## {name}\n")
        lines += [f"{plain(line)}  " for line in text.splitlines()]
        lines.append(f'\n??? note "configs/{name}.yaml"\n\n    ```yaml')
        lines += [f"    {line}" for line in body.splitlines()] + ["    ```\n"]
        load(name)  # what is shown is what is taken
    return "\n".join(lines)


def metrics() -> str:
    """Every name that `--metrics` takes, and what comes along with it."""
    head = ("name", "value", "better", "needs", "what it is")
    return "\n".join(
        (
            "## Of an image and its truth\n",
            table(head, [_metric(name, entry) for name, entry in TABLE.items()]),
            "## Of two sets of images\n",
            table(head, [_metric(name, entry) for name, entry in DISTRIBUTIONS.items()]),
            "## What comes with these\n",
            table(("name", "value"), [(code(name), entry.label) for name, entry in BESIDE.items()]),
            "## Of a model with many outputs\n",
            table(("name", "value"), [(code(name), label) for name, label in DIVERSITY.items()]),
        )
    )


def _metric(name: str, entry: Entry) -> tuple[str, ...]:
    needs = f"weights of {entry.features or entry.weights}" if entry.features or entry.weights else "nothing"
    return code(name), entry.label, entry.better, needs, plain(" ".join(docstring(entry.function).split()))


def findings() -> str:
    """Every finding, by what it looks at."""
    kinds = {"images": diagnosis.OF_IMAGES, "the log": diagnosis.OF_LOG, "the data": diagnosis.OF_DATA}
    rows = [
        (f"[{name}](../diagnosis.md#{name})", kind, plain(" ".join(docstring(target).split())))
        for kind, entries in kinds.items()
        for name, target in entries.items()
    ]
    return table(("finding", "looks at", "what it is"), rows)
