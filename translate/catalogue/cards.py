"""The shipped cards and recipes: `datasets/NAME/README.md` and `datasets/NAME/recipe.yaml`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from translate.catalogue.recipe import Recipe
from translate.errors import UserError, unknown

CARD = "README.md"
RECIPE = "recipe.yaml"


def folder() -> Path:
    """Where they lie: inside the wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("translate")))
    return next((f for f in (package / "datasets", package.parent / "datasets") if f.is_dir()), package / "datasets")


def names() -> list[str]:
    """The datasets that have a recipe."""
    return sorted(path.parent.name for path in folder().glob(f"*/{RECIPE}"))


def recipe(name: str) -> Recipe:
    """The recipe of the dataset `name`; UserError where there is none, or it is no good."""
    path = folder() / name / RECIPE
    if name not in names():
        raise unknown("dataset", name, names(), hint="translate data list")
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) | {"name": name})
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise UserError(f"is no recipe: {error}", where=str(path)) from None


def card(name: str) -> str:
    """The card of the dataset `name`, in Markdown; UserError where there is none."""
    known = sorted(path.parent.name for path in folder().glob(f"*/{CARD}"))
    if name not in known:
        raise unknown("dataset", name, known, hint="translate data list")
    return (folder() / name / CARD).read_text(encoding="utf-8")
