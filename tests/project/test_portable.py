"""What breaks on Windows or macOS and can be read off the source."""

import ast
from pathlib import Path

import translate

ROOT = Path(translate.__file__).parent.parent
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for folder in ("translate", "tools")
           for path in sorted((ROOT / folder).rglob("*.py"))}  # fmt: skip
POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"}
ONLY_POSIX = {
    "fork",
    "sync",
    "getuid",
    "geteuid",
    "killpg",
    "setsid",
    "mkfifo",
    "wait4",
    "SIGKILL",
    "SIGALRM",
    "SIGHUP",
}


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def opens_text(call: ast.Call) -> bool:
    """Whether a call opens a file as text in whatever encoding the machine has."""
    name = ast.unparse(call.func)
    if name not in ("open", "os.fdopen") and not name.endswith((".read_text", ".write_text", ".open")):
        return False
    given = {keyword.arg for keyword in call.keywords}
    if "encoding" in given or None in given:
        return False
    if name.endswith(".read_text"):
        return not call.args
    if name.endswith(".write_text"):
        return len(call.args) < 2
    place = 0 if name.endswith(".open") and not name.startswith("os.") else 1
    modes = [*call.args[place:][:1], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    mode = modes[0].value if modes and isinstance(modes[0], ast.Constant) else None
    if name.endswith(".open") and not modes:  # of pictures, archives, places: bytes, unless it is a Path's
        return False
    return not modes or (isinstance(mode, str) and set(mode) <= {*"rwaxt+"})


def test_text_has_an_encoding() -> None:
    """On Windows it would be that of the country."""
    assert [f"{path.relative_to(ROOT)}:{call.lineno}" for path, tree in SOURCES.items() for call in calls(tree)
            if opens_text(call)] == []  # fmt: skip


def test_what_other_programs_say_has_an_encoding() -> None:
    bare = []
    for path, tree in SOURCES.items():
        for call in calls(tree):
            given = {keyword.arg for keyword in call.keywords}
            if ast.unparse(call.func).startswith("subprocess.") and given & {"text", "universal_newlines"} - {
                "encoding"
            }:
                bare += [] if "encoding" in given else [f"{path.relative_to(ROOT)}:{call.lineno}"]
    assert bare == []


def test_the_package_asks_for_nothing_that_only_posix_has() -> None:
    found = []
    for path, tree in SOURCES.items():
        if path.is_relative_to(ROOT / "tools"):
            continue
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path}:{node.lineno} {name}" for name in names if name in POSIX]
            if (
                isinstance(node, ast.Attribute)
                and ast.unparse(node.value) in ("os", "signal")
                and node.attr in ONLY_POSIX
            ):
                found.append(f"{path}:{node.lineno} {node.attr}")
    assert found == []


def test_files_have_names_that_every_file_system_takes() -> None:
    """No two that differ in case alone, none of the signs that Windows forbids."""
    names = [str(path.relative_to(ROOT)) for folder in ("translate", "configs", "docs", "tests", "tools", "datasets")
             for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]  # fmt: skip
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if set(name) & set('<>:"|?*\\') or name.endswith((" ", "."))]
