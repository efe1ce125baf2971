"""Which web pages may talk to a bucket: the headers of answers, and the answer to a preflight request."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rollcall.local.store.s3.s3_errors import S3Error

KIND = "cors"
METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD"}
MOST_RULES = 100

Rule = Mapping[str, Any]


def check(rules: Sequence[Rule]) -> None:
    """Raises: S3Error."""
    if not 1 <= len(rules) <= MOST_RULES:
        raise S3Error("MalformedXML")
    for rule in rules:
        if unknown := set(rule["AllowedMethods"]) - METHODS:
            raise S3Error(
                "InvalidRequest", f"Found unsupported HTTP method in CORS config. Unsupported method is {min(unknown)}"
            )
        for pattern in (*rule["AllowedOrigins"], *rule.get("AllowedHeaders", [])):
            if pattern.count("*") > 1:
                raise S3Error("InvalidRequest", f'"{pattern}" can not have more than one wildcard.')


def headers_for(rules: Sequence[Rule], request: Mapping[str, str], method: str) -> dict[str, str]:
    origin = request.get("origin")
    rule = _rule_for(rules, origin, method, []) if origin else None
    return _headers(rule, origin or "", method) if rule else {}


def preflight(rules: Sequence[Rule], request: Mapping[str, str]) -> dict[str, str]:
    """Raises: S3Error."""
    origin, method = request.get("origin"), request.get("access-control-request-method")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if not method:
        raise S3Error("BadRequest", "Invalid Access-Control-Request-Method: null")
    asked = [
        name.strip().lower() for name in request.get("access-control-request-headers", "").split(",") if name.strip()
    ]
    rule = _rule_for(rules, origin, method, asked)
    if rule is None:
        raise S3Error(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request"
            " method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the"
            " resource's CORS spec.",
        )
    allowed = {"access-control-allow-headers": ", ".join(asked)} if asked else {}
    return _headers(rule, origin, method) | allowed


def _rule_for(rules: Sequence[Rule], origin: str, method: str, asked: Sequence[str]) -> Rule | None:
    for rule in rules:
        allowed = [pattern.lower() for pattern in rule.get("AllowedHeaders", [])]
        if (
            method in rule["AllowedMethods"]
            and any(_fits(pattern, origin) for pattern in rule["AllowedOrigins"])
            and all(any(_fits(pattern, name) for pattern in allowed) for name in asked)
        ):
            return rule
    return None


def _headers(rule: Rule, origin: str, method: str) -> dict[str, str]:
    everybody = "*" in rule["AllowedOrigins"]
    found = {
        "access-control-allow-origin": "*" if everybody else origin,
        "access-control-allow-methods": ", ".join(rule["AllowedMethods"]),
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }
    if not everybody:
        found["access-control-allow-credentials"] = "true"
    if exposed := rule.get("ExposeHeaders"):
        found["access-control-expose-headers"] = ", ".join(exposed)
    if (age := rule.get("MaxAgeSeconds")) is not None:
        found["access-control-max-age"] = str(age)
    return found


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
