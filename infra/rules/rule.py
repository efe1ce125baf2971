"""A rule, and the synthesized template that it checks, resource by resource."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.template import Place, Template, references

# the longest names that an account and a region can lead to
LONGEST = Place(account="1" * 12, region="ap-southeast-1")


class Stack:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.resources: dict[str, dict[str, Any]] = document["Resources"]
        self._template = Template(document, LONGEST)

    def of(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Logical id and properties of each resource of these types."""
        for name, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield name, resource.get("Properties", {})

    def filled(self, value: Any) -> Any:
        """A value with its references filled in, as of a place with a long name."""
        return self._template.resolve(value)

    def named(self, value: Any, *kinds: str) -> set[str]:
        """The resources of these types that a value refers to; of all types if none is given."""
        return {name for name in references(value) if name in self.resources and self._is(name, kinds)}

    def waits_for(self, name: str) -> set[str]:
        """All that is created before this resource, directly or by way of others."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            resource = self.resources[ahead.pop()]
            listed = resource.get("DependsOn", [])
            nearest = {*([listed] if isinstance(listed, str) else listed), *self.named(resource.get("Properties", {}))}
            ahead += nearest - found
            found |= nearest
        return found

    def _is(self, name: str, kinds: tuple[str, ...]) -> bool:
        return not kinds or self.resources[name]["Type"] in kinds


Check = Callable[[Stack], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    source: str  # the page of AWS's documentation that says so
    about: tuple[str, ...]  # the resource types that it looks at
    check: Check  # yields a sentence for each resource that breaks it


def rule(source: str, *about: str) -> Callable[[Check], Rule]:
    """Makes a rule of a check, named after it."""

    def make(check: Check) -> Rule:
        name = check.__name__.replace("_", "-")
        return Rule(name=name, source=f"https://docs.aws.amazon.com/{source}", about=about, check=check)

    return make
