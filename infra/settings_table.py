"""Writes docs/deploy-settings.md, all settings of a deployment, from `rollcall/pipeline/deployment_settings.py`.

python -m infra.settings_table
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollcall.pipeline.deployment_settings import Deployment

PAGE = Path(__file__).resolve().parent.parent / "docs" / "deploy-settings.md"
HEAD = """# Settings of a deployment

For whoever runs `make deploy`. After this page you know every setting, what it may be, and its default.
[deploy.md](deploy.md#settings) says how to give them. `python -m infra.settings_table` writes this page from
`rollcall/pipeline/deployment_settings.py`; edit it there.
"""
HEADINGS = {  # by the first setting under each
    "prefix": "Names",
    "frames_per_second": "Recognition",
    "max_duration": "Limits of an upload",
    "max_concurrency": "Workers",
    "api": "Photos by HTTP",
    "video_split_memory": "Functions",
    "input_days": "What is kept, and how long",
    "alarm_email": "Alarms and keys",
    "vpc_id": "Network",
    "refresh": "Images",
}
COLUMNS = 118
MORE = {  # pages that say more about a setting
    "frames_per_second": "settings.md#frames-a-second",
    "min_face": "settings.md#min-face",
    "embedder": "images.md#another-embedder",
    "detector": "engine.md#detection",
    "threshold": "settings.md#threshold",
    "calibration": "accuracy.md#your-own-people",
    "compute": "deploy.md#workers-instead-of-a-function",
    "api": "deploy.md#photos-by-http",
    "api_concurrency": "deploy.md#photos-by-http",
    "api_authorizer_concurrency": "deploy.md#photos-by-http",
    "kms_former_key_arns": "runbook.md#another-key",
    "vpc_id": "deploy.md#in-a-vpc-of-your-own",
    "image_repository": "images.md#images-built-elsewhere",
}


def page() -> str:
    settings = Deployment.model_json_schema()["properties"]
    return HEAD + "".join(_heading(name) + _entry(name, setting) for name, setting in settings.items())


def _heading(name: str) -> str:
    return f"\n## {HEADINGS[name]}\n\n" if name in HEADINGS else ""


def _entry(name: str, setting: Mapping[str, Any]) -> str:
    values = "; ".join(filter(None, (_values(setting), _default(setting))))
    more = f"; [more]({MORE[name]})" if name in MORE else ""
    text = f"- **`{name}`** ({values}): {setting['description']}{more}"
    return textwrap.fill(text, COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) + "\n"


def _default(setting: Mapping[str, Any]) -> str:
    default = setting.get("default")
    return "" if default in (None, "") or default == [] else f"default `{default}`"


def _values(setting: Mapping[str, Any]) -> str:
    """The choices, the bounds or an example, whatever the schema has."""
    schema = {**setting, **next((form for form in setting.get("anyOf", ()) if form["type"] != "null"), {})}
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if "examples" in schema:
        return f"for example `{schema['examples'][0]}`"
    if schema["type"] in {"integer", "number"}:
        return f"{_bound(schema, 'Minimum', 'over')} to {_bound(schema, 'Maximum', 'under')}"
    return ""


def _bound(schema: Mapping[str, Any], which: str, beyond: str) -> str:
    exclusive = schema.get(f"exclusive{which}")
    return f"{schema[which.lower()]:,}" if exclusive is None else f"{beyond} {exclusive:,}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
