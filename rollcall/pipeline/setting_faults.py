"""What is wrong with a setting that an operator gave, as a sentence with a way out."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

_OURS = re.compile(r"[a-z][a-z0-9_]*")  # the CDK's own context keys all carry a colon, a slash or a hyphen
_CDKS = re.compile(r"[:/@]")
_MISTYPED = 0.8  # what is as similar to a setting was meant to be one

Fields = Mapping[str, FieldInfo]  # of the settings, by name


def no_such_setting(name: str, fields: Fields) -> str:
    nearest = _nearest(name, fields, similarity=0.6)
    hint = f"did you mean {nearest}?" if nearest else f"there are {', '.join(fields)}"
    return f"{name}: no such setting, {hint}"


def is_meant(name: str, fields: Fields) -> bool:
    """Whether a key of the CDK's context is a setting, or was meant to be one."""
    if _OURS.fullmatch(name):
        return True
    return not _CDKS.search(name) and _nearest(name, fields, similarity=_MISTYPED) is not None


def explain(error: Any, given: Mapping[str, Any], fields: Fields) -> str:
    """`error`: one of pydantic's; `given`: the settings as they came."""
    if not error["loc"]:
        return str(error["ctx"]["error"])
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return no_such_setting(name, fields)
    setting = fields[name]
    if error["type"] == "value_error":
        message = str(error["ctx"]["error"])
    elif error["type"] == "string_pattern_mismatch" and setting.examples:
        message = f"not of the form that is needed, for example {setting.examples[0]}"
    else:
        message = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{name} = {given[name]!r}: {message} ({setting.description})"


def _nearest(name: str, fields: Fields, *, similarity: float) -> str | None:
    written_as_ours = name.lower().replace("-", "_")
    found = difflib.get_close_matches(written_as_ours, fields, n=1, cutoff=similarity)
    return found[0] if found else None
