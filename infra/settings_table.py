"""Writes docs/deploy-settings.md, the table of all settings of a deployment, from `infra/settings.py`.

python -m infra.settings_table
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.settings import Deployment

PAGE = Path(__file__).resolve().parent.parent / "docs" / "deploy-settings.md"
HEAD = """# Settings of a deployment

For whoever runs `make deploy`: every setting, its default and what it may be. [deploy.md](deploy.md#settings) says how
to give them. `python -m infra.settings_table` writes this page from `infra/settings.py`; edit it there.

| setting | default | may be | what it is |
|---|---|---|---|
"""
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
    return HEAD + "".join(_row(name, setting) for name, setting in settings.items())


def _row(name: str, setting: Mapping[str, Any]) -> str:
    more = f"; [more]({MORE[name]})" if name in MORE else ""
    return f"| `{name}` | {_default(setting)} | {_values(setting)} | {setting['description']}{more} |\n"


def _default(setting: Mapping[str, Any]) -> str:
    default = setting.get("default")
    return "" if default in (None, "") or default == [] else f"`{default}`"


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
