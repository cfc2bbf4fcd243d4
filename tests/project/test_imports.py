"""Dependencies point one way, and what must answer at once imports nothing heavy."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import translate

PACKAGE = Path(translate.__file__).parent
HEAVY = {"torch", "torchvision", "albumentations", "kornia", "matplotlib", "tensorboard", "skimage", "cv2", "scipy"}
HEAVY |= {"torch_fidelity", "torchmetrics", "ray", "tifffile", "imagecodecs", "fsspec", "psutil"}
HEAVY |= {"onnx", "onnxruntime", "onnxscript", "huggingface_hub", "safetensors", "datasets", "gradio", "starlette"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(node: ast.AST, *, deep: bool) -> Iterator[str]:
    """Modules imported below `node`, those for types alone left out; `deep`: also inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            module = child.module or ""
            for alias in child.names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in MODULES else module
        elif not for_types_only(child) and (deep or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from imports(child, deep=deep)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


EVERYWHERE = ("translate.errors", "translate.domain", "translate.seeds", "translate.extras")
ALLOWED = {
    "translate.errors": (),
    "translate.seeds": (),
    "translate.domain": (),
    "translate.ema": (),
    "translate.prior": (),
    "translate.separation": (),
    "translate.clock": (),
    "translate.computing.rows": (),
    "translate.computing.processes": ("translate.computing.rows",),
    "translate.computing.precision": (),
    "translate.computing.recompute": (),
    "translate.keeping.durable": (),
    "translate.keeping.trouble": (),
    "translate.keeping.board": ("translate.keeping.durable",),
    "translate.translations": ("translate.prior", "translate.computing.rows", "translate.separation"),
    "translate.judging": ("translate.augment", "translate.objective"),
    "translate.signatures": (),
    "translate.settings": (),
    "translate.objective": ("translate.translations",),
    "translate.trainer": (
        "translate.config",
        "translate.ema",
        "translate.objective",
        "translate.computing.precision",
        "translate.computing.processes",
        "translate.translations",
    ),
    "translate.checkpoint": ("translate.keeping.durable",),
    "translate.log": ("translate.keeping.board", "translate.keeping.durable", "translate.keeping.trouble"),
    "translate.augment": (),
    "translate.device": (),
    "translate.sections": ("translate.metrics", "translate.yaml_tree"),
    "translate.wording": ("translate.sections",),
    "translate.yaml_tree": (),
    "translate.config": (
        "translate.sections",
        "translate.wording",
        "translate.yaml_tree",
        "translate.settings",
        "translate.signatures",
        "translate.networks",
        "translate.terms",
        "translate.metrics",
    ),
    "translate.networks": ("translate.networks", "translate.computing.rows"),
    "translate.terms": ("translate.computing.rows", "translate.terms", "translate.translations"),
    "translate.data": ("translate.data",),
    "translate.formats": ("translate.formats", "translate.data"),
    "translate.metrics": ("translate.metrics",),
    "translate.diagnosis": ("translate.diagnosis", "translate.data", "translate.metrics"),
}
"""What a part may import of the others; parts that bring all together (cli, run, build, ..) are not listed."""

TABLES_ONLY = ("translate.networks", "translate.terms")


@pytest.mark.parametrize("part", list(ALLOWED))
def test_dependencies_point_one_way(part: str) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, tree in MODULES.items()
        if within(name, part)
        for imported in imports(tree, deep=True)
        if within(imported, "translate") and imported != "translate"
        if not any(within(imported, allowed) for allowed in (*ALLOWED[part], *EVERYWHERE))
    ]
    assert not wrong


def test_networks_know_neither_configuration_nor_domains() -> None:
    for name, tree in MODULES.items():
        if within(name, "translate.networks"):
            assert not {"translate.config", "translate.domain"} & set(imports(tree, deep=True)), name


def test_the_configuration_reads_tables_and_not_what_they_name() -> None:
    for name in ("translate.config", "translate.needs"):
        for imported in imports(MODULES[name], deep=True):
            assert not any(within(imported, part) and imported != part for part in TABLES_ONLY), (name, imported)


def test_the_trainer_and_the_objective_know_no_files_and_no_names() -> None:
    for name in ("translate.trainer", "translate.objective", "translate.translations", "translate.ema"):
        assert not {"pathlib", "os", "json", "yaml", "shutil"} & set(imports(MODULES[name], deep=True)), name
    from translate.networks import DISCRIMINATORS, GENERATORS
    from translate.terms import TABLE

    source = (PACKAGE / "trainer.py").read_text() + (PACKAGE / "objective.py").read_text()
    strings = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert not strings & {*TABLE, *GENERATORS, *DISCRIMINATORS}


LIGHT = ["translate", "translate.config", "translate.errors", "translate.domain", "translate.needs",
         "translate.signatures", "translate.plan", "translate.machine", "translate.seeds", "translate.data.layouts",
         "translate.data.check", *(name for name in MODULES if within(name, "translate.cli")),
         *(name_of(path) for path in PACKAGE.rglob("__init__.py"))]  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(LIGHT)))
def test_what_must_answer_at_once_reaches_nothing_heavy(name: str) -> None:
    """Followed through the package's own modules, as Python would at import."""
    seen, queue = set(), [name]
    while queue:
        current = queue.pop()
        if current in seen:
            continue
        seen.add(current)
        for imported in imports(MODULES[current], deep=False):
            assert imported.split(".")[0] not in HEAVY, f"{name} reaches {current}, which imports {imported}"
            parts = imported.split(".")
            queue += [inner for n in range(1, len(parts) + 1) if (inner := ".".join(parts[:n])) in MODULES]


def test_albumentations_and_kornias_augmentation_are_each_behind_one_file() -> None:
    where: dict[str, set[str]] = {"albumentations": set(), "kornia.augmentation": set()}
    for name, tree in MODULES.items():
        for imported in imports(tree, deep=True):
            for library, users in where.items():
                if within(imported, library):
                    users.add(name)
    assert where == {"albumentations": {"translate.data.transforms"}, "kornia.augmentation": {"translate.augment"}}


def test_no_file_is_named_after_nothing() -> None:
    assert not [p for p in PACKAGE.rglob("*.py") if p.stem in {"utils", "helpers", "common", "misc", "util", "tools"}]


def test_every_module_says_what_it_is() -> None:
    assert not [name for name, tree in MODULES.items() if not ast.get_docstring(tree)]
