"""What pyproject.toml promises: one version, every package, the presets, the command."""

import ast
import importlib.metadata
import re
import tomllib
from pathlib import Path

import translate
from translate import config
from translate.cli import main

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]


def test_the_version_is_written_in_one_place() -> None:
    version = PROJECT["project"]["version"]
    assert translate.__version__ == version == importlib.metadata.version("translate-gan")
    written = [
        path.name for path in (ROOT / "translate").rglob("*.py") if f'"{version}"' in path.read_text(encoding="utf-8")
    ]
    assert written == []


def test_every_package_is_listed() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "translate").rglob("*.py")}
    assert {".".join(folder.parts) for folder in folders} | {"translate.configs", "translate.datasets"} == set(PACKAGES)
    assert len(PACKAGES) == len(set(PACKAGES))


def test_only_the_package_is_shipped() -> None:
    assert all(name == "translate" or name.startswith("translate.") for name in PACKAGES)
    for folder in ("tests", "tools", "configs", "datasets"):
        assert not (ROOT / folder / "__init__.py").exists(), folder


def test_the_presets_are_shipped() -> None:
    setuptools = PROJECT["tool"]["setuptools"]
    assert setuptools["package-dir"]["translate.configs"] == "configs"
    assert "*.yaml" in setuptools["package-data"]["translate.configs"]
    assert {path.stem for path in (ROOT / "configs").iterdir()} == set(config.presets())


def test_files_that_are_no_python_are_shipped() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for path in (ROOT / "translate").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = ".".join(path.parent.relative_to(ROOT).parts)
            assert any(path.match(pattern) for pattern in data.get(package, [])), path


def test_the_command_is_installed_and_leads_to_the_command_line() -> None:
    assert PROJECT["project"]["scripts"] == {"translate": "translate.cli:main"}
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="translate")
    assert script.load() is main


DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml", "skimage": "scikit-image", "torch_fidelity": "torch-fidelity"}
# Brought by what is declared, as its own public dependency.
BROUGHT = {
    "cv2": "albumentations",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "starlette": "gradio",
    "uvicorn": "gradio",
}


def test_the_citation_names_this_version() -> None:
    import yaml

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]


def test_every_extra_is_part_of_the_tests() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["test"][0] == "translate-gan[" + ",".join(n for n in extras if n not in ("test", "dev")) + "]"


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~!\[; ]", line)[0].lower() for line in requirements}


def test_every_library_that_is_imported_is_declared() -> None:
    """Those of an extra only within functions: who does not have it gets everything else."""
    import sys

    declared = named(PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    extra = set().union(*(named(extras[name]) for name in extras if name not in ("test", "dev")))
    for path in (ROOT / "translate").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_import = set(tree.body)
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"translate"}:
                known = declared if node in at_import else declared | extra
                assert BROUGHT.get(name, DISTRIBUTIONS.get(name, name)) in known, f"{path.name} imports {name}"


def test_torch_is_not_bounded_above() -> None:
    for line in PROJECT["project"]["dependencies"]:
        if re.split(r"[<>=]", line)[0] in ("torch", "torchvision"):
            assert "<" not in line
            assert "==" not in line
