"""Tiny files of the structure that a dataset's recipe describes."""

import io
import re
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from PIL import Image

from translate.catalogue.recipe import Beside, Folders, Recipe, Table

EACH = 2
"""Images or pairs for each folder."""


def picture(number: int, size: tuple[int, int] = (8, 8), ending: str = ".png") -> bytes:
    buffer = io.BytesIO()
    kind = "PNG" if ending == ".png" else "JPEG"
    Image.new("RGB", size, (number * 7 % 256, number * 31 % 256, 90)).save(buffer, kind)
    return buffer.getvalue()


def example(pattern: str, number: int) -> str:
    """A path that fits the pattern, another for each number below 10."""
    made = re.sub(r"\[(.).*?\]", r"\1", pattern)
    made = made[::-1].replace("?", str(number), 1)[::-1].replace("?", "0")
    head, _, last = made.rpartition("/")
    last = last.replace("*", f"some_{number}")
    last += "" if PurePosixPath(last).suffix else ".jpg"
    return "/".join(part for part in ("top", head.replace("*", "city"), last) if part)


def structure(recipe: Recipe) -> dict[str, dict[str, bytes]]:
    """By file of the source: its members, EACH for a folder, and some that nobody wants."""
    layout, members, files = recipe.layout, {}, {}
    wide = (16, 8) if recipe.regime == "supervised" else (8, 8)
    number = 0
    if isinstance(layout, Folders):
        for patterns in layout.take.values():
            for one in range(EACH):
                path = example(patterns[0], one)
                number += 1
                members[path] = picture(number, wide, PurePosixPath(path).suffix)
    elif isinstance(layout, Table):
        listed = []
        for key in layout.splits:
            for _ in range(EACH):
                number += 1
                path = example(layout.images, number)
                members[path] = picture(number, ending=".jpg")
                listed.append(f"{PurePosixPath(path).name} {key}")
        files[layout.table] = {"": "\n".join(listed).encode()}
    elif isinstance(layout, Beside):
        sides: dict[str, dict[str, bytes]] = {"a": {}, "b": {}}
        for halves in layout.take.values():
            for one in range(EACH):
                number += 1
                sides["a"][example(halves.a, one)] = picture(number, (20, 10))
                sides["b"][example(halves.b, one)] = picture(number + 50, (20, 10))
        for file, held in zip(recipe.files, sides.values(), strict=True):
            files[file.name] = held
    rubbish = {"top/README.txt": b"hello", "top/run.py": b"print(1)", "__MACOSX/trainA/._1.jpg": b"x"}
    if members:
        archive = next(file.name for file in recipe.files if file.archive != "none")
        files[archive] = members | rubbish
    return files


def packed(recipe: Recipe, folder: Path) -> dict[str, Path]:
    """Tiny files of the source, by name."""
    made = {}
    for file in recipe.files:
        path, content = folder / file.name, structure(recipe)[file.name]
        made[file.name] = path
        if file.archive == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in content.items():
                    archive.writestr(name, data)
        elif file.archive == "tar.gz":
            with tarfile.open(path, "w:gz") as tar:
                for name, data in content.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        else:
            path.write_bytes(content[""])
    return made
