"""What MkDocs is told beside mkdocs.yml: the root's pages are pages of the site, too, and links hold in both.

Links to source files lead nowhere in the site, so they become their names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Name every page: the decisions in their order, and behind all others what mkdocs.yml does not know yet."""
    folder = Path(config["docs_dir"])
    decisions = [f"decisions/{path.name}" for path in sorted((folder / "decisions").glob("*.md"))]
    named = set(re.findall(r"[\w./-]+\.md", str(config["nav"])))
    others = sorted({path.name for path in folder.glob("*.md")} - named)
    config["nav"] += [{"Decisions": decisions}, *([{"More": others}] if others else [])]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the root's pages."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, files: Files, **_: Any) -> str:
    """Every link of a page, as it has to be in the site."""
    at_root = page.file.src_uri in PAGES.values()
    here = ROOT if at_root else (ROOT / "docs" / page.file.src_uri).parent
    known = {file.src_uri for file in files}

    def moved(match: re.Match[str]) -> str:
        image, text, target = match.groups()
        path, mark, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return match[0]
        uri = _uri((here / path).resolve())
        if uri in known:
            up = "../" * page.file.src_uri.count("/")
            return f"{image}[{text}]({up}{uri}{mark}{anchor})"
        if not (here / path).exists():
            return match[0]  # MkDocs says what is wrong with it
        return text if image else f"`{text}`" if "`" not in text else text

    return LINK.sub(moved, markdown)


def _uri(path: Path) -> str:
    """Where a file of the tree is in the site; its own name where it is not."""
    if not path.is_relative_to(ROOT):
        return str(path)
    name = str(path.relative_to(ROOT))
    return PAGES.get(name, name.removeprefix("docs/"))
