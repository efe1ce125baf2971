"""What the docs site does besides MkDocs: it lists the decisions, and leads links out of docs/ to the repository."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.exceptions import PluginError

_LINK_OUT = re.compile(r"\]\(((?:\.\./)+[^)#\s]*|[^):#\s]+/)(#[^)\s]*)?\)")
_ASKS_ANOTHER_HOST = re.compile(
    r'<(?:script|img|iframe|link|source)\b[^>]*\b(?:src|href)="?(?:https?:)?//[^>]*>|class="mermaid"'
)


def on_config(config: Any) -> Any:
    docs = Path(config.docs_dir)
    (decisions,) = (part for part in config.nav if "Decisions" in part)
    decisions["Decisions"] = sorted(str(page.relative_to(docs)) for page in docs.glob("decisions/*.md"))
    return config


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    docs = Path(config.docs_dir)

    def to_repository(link: re.Match[str]) -> str:
        target = (docs / PurePosixPath(page.file.src_uri).parent / link[1]).resolve()
        if target.is_relative_to(docs) and target.is_file():
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({config.extra['repository']}/{kind}/main/{target.relative_to(docs.parent)}{link[2] or ''})"

    return _LINK_OUT.sub(to_repository, markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    if found := _ASKS_ANOTHER_HOST.search(output):
        raise PluginError(f"{page.file.src_uri}: the page would ask another host: {found[0][:200]}")
    return output
