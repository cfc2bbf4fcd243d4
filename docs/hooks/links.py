"""Pages that live outside of docs/ become pages of the site, and links out of docs/ lead to them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
PRESET = re.compile(r"configs/([\w-]+)\.yaml")


def places() -> dict[str, str]:
    """Pages of the site by their files in the repository, for those that do not lie in docs/."""
    cards = {
        card.relative_to(ROOT).as_posix(): f"sets/{card.parent.name}.md" for card in ROOT.glob("datasets/*/README.md")
    }
    return {"README.md": "overview.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", **cards}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them; what the navigation does not list is reached through links."""
    for source, place in places().items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has them; the files themselves are right for whoever reads them in the repository."""
    outside = {place: source for source, place in places().items()}
    here = page.file.src_uri
    origin = outside.get(here, f"docs/{here}")

    def mended(link: re.Match[str]) -> str:
        image, text, target, anchor = link.groups()
        if "://" in target or target.startswith("mailto:"):
            return link.group()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        place = _place(path.rstrip("/"))
        if place is None:  # a file of the repository that is no page: its path says where it is
            return f"{text} (`{path}`)" if path not in text and not image else text
        page_, _, own = place.partition("#")
        to = posixpath.relpath(page_, posixpath.dirname(here) or ".")
        return f"{image}[{text}]({to}{anchor or (own and '#' + own)})"

    parts = re.split(r"(^```.*?^```|`[^`\n]+`(?!\]))", markdown, flags=re.M | re.S)
    return "".join(part if i % 2 else LINK.sub(mended, part) for i, part in enumerate(parts))


def _place(path: str) -> str | None:
    """The page of a file of the repository, with an anchor where it is a part of one."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if preset := PRESET.fullmatch(path):
        return f"reference/presets.md#{preset[1]}"
    return places().get(path)
