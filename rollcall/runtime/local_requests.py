"""Which requests a server on this machine answers: those of this machine's programs, not those of foreign web pages.

A browser lets every page send requests to 127.0.0.1. It says so in three headers that no page can change. `Origin` is
the page. `Sec-Fetch-Site` tells how near the page is. `Host` is the name that the page asked for. That can be a name of
the page's own if DNS answers with 127.0.0.1 for it (DNS rebinding).
"""

import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]*[a-z0-9_-])\.?(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@]+)")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Authority:
    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The host, or None if the text is neither a host name nor an address."""
        found = _AUTHORITY.fullmatch(text.strip().lower())
        return None if found is None else cls(found["name"], int(found["port"]) if found["port"] else None)


@dataclass(frozen=True)
class Origin:
    scheme: str
    name: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The origin, or None for `null` and everything else that is not the origin of a web page."""
        found = _ORIGIN.fullmatch(text.strip().lower())
        authority = None if found is None else Authority.parse(found["authority"])
        if found is None or authority is None:
            return None
        scheme = found["scheme"]
        return cls(scheme, authority.name, _PORTS[scheme] if authority.port is None else authority.port)

    def is_of(self, host: Authority) -> bool:
        """Whether pages that this host serves have this origin."""
        return (self.name, self.port) == (host.name, host.port or _PORTS[self.scheme])


@dataclass(frozen=True, kw_only=True)
class RequestSource:
    """Where a request says it comes from: all values of each header, because a header may come twice."""

    hosts: Sequence[str]  # with the host of an absolute request target
    origins: Sequence[str]
    sites: Sequence[str]


def origins_of(texts: Iterable[str]) -> frozenset[Origin]:
    """The texts that are origins; `*` and `null` let nobody in."""
    return frozenset(origin for text in texts if (origin := Origin.parse(text)) is not None)


def refusal(
    source: RequestSource, *, names: Collection[str] = (), origins: Collection[Origin] = (), own_pages: bool
) -> str | None:
    """Why the request is refused, as a sentence; None for one that may be answered.

    `names` are host names that stand for this machine beside its own; names below them count as well.
    Pages of `origins` may ask. `own_pages` says whether this server's own pages may.
    """
    hosts = [Authority.parse(host) for host in source.hosts]
    if not hosts or not all(host is not None and _is_here(host.name, names) for host in hosts) or len({*hosts}) > 1:
        return "Only this machine may ask, and only by a name of its own, such as 127.0.0.1 or localhost."
    (host, *_) = hosts
    given = [Origin.parse(text) for text in source.origins]
    known = [origin in origins or (own_pages and _is_own(origin, host)) for origin in given]
    near = {"none", "same-origin"} if own_pages else {"none"}
    if all(known) and (known or all(site.strip().lower() in near for site in source.sites)):
        return None
    return "A web page from elsewhere asked for this in a browser. Only this machine's programs may."


def is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _is_here(name: str, names: Collection[str]) -> bool:
    if any(name == other or name.endswith(f".{other}") for other in ("localhost", *names)):
        return True
    return is_loopback(name.strip("[]"))


def _is_own(origin: Origin | None, host: Authority | None) -> bool:
    return origin is not None and host is not None and origin.is_of(host)
