"""What is read from source by ast must be what Python itself says of the imported class."""

import ast
import inspect
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from translate import signatures
from translate.errors import UserError
from translate.networks import DISCRIMINATORS, GENERATORS
from translate.terms import TABLE as TERMS

TABLES = {"generator": GENERATORS, "discriminator": DISCRIMINATORS, "term": TERMS}
ENTRIES = [(kind, name) for kind, table in TABLES.items() for name in table]


def imported(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_reads_what_inspect_reads(kind: str, name: str) -> None:
    found = signatures.find(kind, name, TABLES[kind], where="here")
    cls = imported(TABLES[kind][name])
    keywords = {p.name: p for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert list(found.options) == list(keywords)
    for key, option in found.options.items():
        assert option.default == keywords[key].default, key
        assert type(option.default) is type(keywords[key].default), key
        annotation = keywords[key].annotation
        assert isinstance(annotation, str), "the module needs `from __future__ import annotations`"
        assert ast.dump(ast.parse(option.annotation)) == ast.dump(ast.parse(annotation)), key
    assert found.attributes.get("needs", ()) == getattr(cls, "needs", ())
    assert ("features" in found.methods) == hasattr(cls, "features")


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_defaults_fit_their_own_annotations(kind: str, name: str) -> None:
    found = signatures.find(kind, name, TABLES[kind], where="here")
    defaults = {key: option.default for key, option in found.options.items()}
    assert signatures.resolve(found, {}, where="here") == defaults
    assert signatures.resolve(found, defaults, where="here") == defaults


def own(folder: Path, name: str, source: str) -> str:
    (folder / f"{name}.py").write_text(textwrap.dedent(source))
    return name


def test_a_class_of_ones_own_is_read_without_being_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    own(
        tmp_path,
        "own_term_never_run",
        """
        raise RuntimeError("imported")

        class Mine:
            needs: tuple[str, ...] = ("pairs",)
            other = object()

            def __init__(self, plain=1, *, power: float = 2.0, kind: "int | None" = None, needed: int):
                pass

            def for_generator(self, x): ...
        """,
    )
    found = signatures.find("term", "own_term_never_run:Mine", TERMS, where="here")
    assert {key: option.default for key, option in found.options.items()} == {
        "power": 2.0,
        "kind": None,
        "needed": None,
    }
    assert found.attributes["needs"] == ("pairs",)
    assert "for_generator" in found.methods


@pytest.mark.parametrize(
    "target",
    ["no_such_module_at_all:Class", "no_such_package.inside:Class", ":Class", "translate.terms.cycle:", ".relative:X",
     "sys:Class", "_json:Class", "json.decoder.deeper:Class", "own_broken:Class", "own_default:Class"],
)  # fmt: skip
def test_a_class_that_cannot_be_read_is_the_users_to_mend(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    own(tmp_path, "own_broken", "class Class(:")
    own(tmp_path, "own_default", "WIDTH = 3\nclass Class:\n    def __init__(self, *, width: int = WIDTH): ...")
    with pytest.raises(UserError, match=r"networks\.generator"):
        signatures.find("generator", target, GENERATORS, where="networks.generator")


def test_an_unknown_class_of_a_known_module_names_the_nearest() -> None:
    with pytest.raises(UserError, match='Did you mean "ResnetGenerator"'):
        signatures.find("generator", "translate.networks.resnet:ResnetGenertor", GENERATORS, where="here")


def test_values_are_checked_by_the_annotation() -> None:
    resnet = signatures.find("generator", "resnet", GENERATORS, where="here")
    assert signatures.resolve(resnet, {"blocks": "6"}, where="here")["blocks"] == 6
    for given, words in (
        ({"blocks": "six"}, r"here\.blocks"),
        ({"norm": "instanc"}, 'Did you mean "instance"'),
        ({"block": 6}, 'Did you mean "blocks"'),
    ):
        with pytest.raises(UserError, match=words):
            signatures.resolve(resnet, given, where="here")


def test_argument_names_of_a_librarys_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "lib_of_transforms"
    (package / "below").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "below" / "some.py").write_text(
        "class Shift:\n    def __init__(self, x, *, p=1): ...\nclass Same(Shift): ...\nclass _Hidden: ...\n"
        "class Any:\n    def __init__(self, **options): ...\n"
    )
    assert signatures.classes_of("lib_of_transforms", "below") == {"Shift": ("x", "p"), "Same": None, "Any": None}
    assert signatures.classes_of("no_such_library") == {}
