"""`<!-- generated: NAME -->` on a page of the reference becomes what the program itself says of NAME."""

from __future__ import annotations

import re
from collections.abc import Callable

import commands
import configuration
import tables
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

PARTS: dict[str, Callable[[], str]] = {
    "commands": commands.page,
    "configuration": configuration.page,
    "parts": tables.parts,
    "presets": tables.presets_page,
    "metrics": tables.metrics,
    "findings": tables.findings,
}
MARK = re.compile(r"^<!-- generated: (\w+) -->$", flags=re.M)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its marks replaced; raises PluginError for an unknown one."""

    def part(mark: re.Match[str]) -> str:
        if mark[1] not in PARTS:
            raise PluginError(f"{page.file.src_uri}: no generated part {mark[1]!r}; there are {', '.join(PARTS)}")
        return PARTS[mark[1]]()

    return MARK.sub(part, markdown)
