"""Rules for resources that no rehearsal creates. Each names the page of AWS's documentation that it comes from.

Every synthesis is checked by them, as by cdk-nag, so that settings which AWS would refuse are refused at once.
"""

from collections.abc import Mapping
from typing import Any

from infra.rules import access, containers, gateway, scaling, watching, whole
from infra.rules.rule import Rule, Stack

RULES: tuple[Rule, ...] = (
    *access.RULES,
    *containers.RULES,
    *gateway.RULES,
    *scaling.RULES,
    *watching.RULES,
    *whole.RULES,
)


def broken(document: Mapping[str, Any]) -> list[str]:
    """A line for each finding in a synthesized template: what is wrong, the rule, and its source."""
    stack = Stack(document)
    return [f"{found} ({rule.name}: {rule.source})" for rule in RULES for found in rule.check(stack)]
