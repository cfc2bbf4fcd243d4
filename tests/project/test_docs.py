"""The documentation is true: its commands are typed on tiny data, its links lead somewhere, its site is built."""

import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import browser
import pytest
import yaml
from typed import ROOT, Desk, Line, blocks, lines, mentioned, parse, prepare

DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}

NOT_TYPED = {
    r"^pip ": "installs; that the extras exist is tested",
    r"^(torchrun|export) ": "wants GPUs or machines; tests/behaviour/test_processes.py starts two processes",
    r"^python tools/": "measures for minutes to hours; that its options exist is tested",
    r"^translate demo": "trains for minutes; tests/behaviour/test_demo.py runs a short one",
    r"^translate ui ": "serves a page until it is stopped; tests/behaviour/test_ui.py opens it",
    r"^translate data get (?!.*--card)": "downloads; tests/unit/test_download.py does, from a server on this machine",
    r"^translate (push|pull) (?!.*--dry-run)": "wants the hub; tests/unit/test_hub.py has one on this machine",
    r" s3://": "wants a bucket",
    r"lpips|\b[fk]id\b": "downloads weights",
    r"--engine ray": "starts a cluster; tests/behaviour/test_ray.py does",
    r"^tar ": "packs pictures of names that a desk does not hold",
}
"""Commands of the pages that no test runs, and why; their options are looked up all the same."""


def typed(line: Line) -> bool:
    return not any(re.search(pattern, line.text) for pattern in NOT_TYPED)


COMMANDS = {page: lines(page, text) for page, text in PAGES.items() if lines(page, text) or blocks(text, "python")}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page: str) -> None:
    for line in lines(page, PAGES[page]):
        if "translate" in line.words:
            parse(line)
    for line in mentioned(page, PAGES[page]):
        parse(line, whole=False)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", prose):
        if "://" not in target:
            assert (DOCS / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_extras_exist() -> None:
    """`pip install 'translate-gan[ray]'`"""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for page, text in PAGES.items():
        for group in re.findall(r"pip install [^\n`]*\[([\w,]+)\]", text):
            assert set(group.split(",")) <= set(extras), f"{page}: {group}"


def test_a_missing_option_is_found() -> None:
    for wrong in (
        "translate apply RUN IN OUT --tiles 3",
        "translate train --set training.bach=3",
        "translate aply RUN",
    ):
        with pytest.raises(Exception, match=r"tiles|bach|aply"):
            parse(Line("planted", wrong))


def test_every_page_is_in_the_navigation() -> None:
    def pages(entry: object) -> set[str]:
        if isinstance(entry, dict):
            return set().union(*map(pages, entry.values()))
        return set().union(*map(pages, entry)) if isinstance(entry, list) else {str(entry)}

    listed = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert listed - {"overview.md", "contributing.md", "changelog.md"} == set(PAGES)


def test_the_reference_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "hooks")
    import commands
    import configuration
    import tables

    from translate.cli import COMMANDS as KNOWN
    from translate.config import Config, presets
    from translate.diagnosis import TABLE

    said = commands.page()
    assert all(f"# translate {name}\n" in said for name in KNOWN)
    assert "| `--samples` N | " in said
    keys = configuration.page()
    assert all(f"`training.{key}`" in keys for key in Config.model_fields["training"].annotation.model_fields)
    assert "`data.channels.a`" in keys
    assert all(f"## {name}\n" in tables.presets_page() for name in presets())
    assert all(f"[{name}]" in tables.findings() for name in TABLE)
    assert "`fid`" in tables.metrics()
    assert "### patchgan" in tables.parts()


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    prepare(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", COMMANDS)
def test_what_a_page_types_runs_in_its_order(
    page: str, laid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = tmp_path / "desk"
    shutil.copytree(laid, desk)
    monkeypatch.chdir(desk)
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    for name, body in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', PAGES[page], flags=re.M | re.S):
        (desk / name).write_text(body, encoding="utf-8")
    at = Desk(desk)
    for line in filter(typed, COMMANDS[page]):
        at.type(line)
    for body in blocks(PAGES[page], "python"):
        at.execute(body, page)


@pytest.mark.slow
def test_tools_have_the_options_that_the_pages_give_them() -> None:
    asked: dict[str, set[str]] = {}
    for page, text in PAGES.items():
        for line in [*lines(page, text), *lines(page, text, "")]:
            if found := re.search(r"python (tools/\w+\.py)(.*)", line.text):
                asked.setdefault(found[1], set()).update(re.findall(r"--[a-z][\w-]*", found[2]))
    assert asked
    for tool, options in asked.items():
        done = subprocess.run([sys.executable, tool, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool}: {done.stderr}"
        # A command below (`bench.py ours --minutes`) has a help of its own: then the sources of the tool are asked.
        sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tools").glob("*.py"))
        missing = [o for o in options if o not in done.stdout and not re.search(rf'"{o}["/]', sources)]
        assert not missing, f"{tool}: {missing}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site") / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_site_asks_no_other_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="?(https?:)?//[^>]*>')
    for path in [*pages, *site.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        assert not loads.search(text), path
        assert not re.search(r"""url\(["']?(https?:)?//|@import\s+["']?http""", text), path


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(browser.PROGRAM is None, reason="no chromium on the PATH: apt-get install chromium")
def test_the_site_in_a_browser(address: str, tmp_path: Path) -> None:
    window = browser.Browser(tmp_path, offline=False)
    try:
        for page in ("index", "faq", "reference/commands", "reference/configuration", "reference/python", "results"):
            for width, scheme in ((1280, "light"), (390, "dark")):
                window.open(f"{address}/{page}.html", width, scheme)
                shown = window.run("document.body.getAttribute('data-md-color-scheme')")
                assert shown == ("slate" if scheme == "dark" else "default")
                assert window.run("document.documentElement.scrollWidth") <= width, f"{page} is wider than {width}"
                assert window.run("[...document.images].every(image => image.complete && image.naturalWidth)"), page
                asked = [e["params"]["request"]["url"] for e in window.events if e["method"] == REQUEST]
                assert asked
                assert not [url for url in asked if not url.startswith((address, "data:"))]
        window.open(f"{address}/index.html", 1280, "light")
        window.run("document.querySelector('.md-search__input').focus()")
        window.call("Input.insertText", text="out of memory")
        window.until("!!document.querySelector('.md-search-result__item')")
        assert "memory" in window.run("document.querySelector('.md-search-result__item').innerText").lower()
    finally:
        window.close()


REQUEST = "Network.requestWillBeSent"


@pytest.mark.slow
def test_nothing_generated_is_left_out(site: Path) -> None:
    assert "<!-- generated" not in "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.html"))
    assert "translate.inference.library.Translator" in (site / "reference/python.html").read_text(encoding="utf-8")
