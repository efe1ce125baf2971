"""Whom the port serves: this machine's programs, clients with credentials, and no pages of other people's web sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from rollcall.local.store.http import Response
from rollcall.runtime.local_requests import Authority, Origin, RequestSource, refusal


@dataclass(frozen=True, kw_only=True)
class Served:
    """Whom this port serves beside the programs of this machine."""

    names: Sequence[str] = ()  # host names that stand for it, and all below them
    any_host: bool = False  # it is reached by names that nobody here knows; then every request is signed
    form_bucket: str | None = None  # pages of `form_origins` may send upload forms to it, and do nothing else
    form_origins: frozenset[Origin] = frozenset()


class Head:
    """The first line and the headers of a request."""

    def __init__(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> None:
        self.method = method
        self._all = headers
        self.authority, self.path, self.query = _parts(target)
        self.headers: Mapping[str, str] = _joined(headers)

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(value for header, value in self._all if header == name)

    @property
    def hosts(self) -> tuple[str, ...]:
        hosts = self.values("host")
        return hosts if self.authority is None else (*hosts, self.authority)


class Access:
    def __init__(self, served: Served) -> None:
        self._served = served
        self._refusal = lru_cache(maxsize=1024)(self._decide)

    def refuse(self, head: Head) -> Response | None:
        """None for a request that may be served."""
        reason = self._refusal(
            head.hosts, head.values("origin"), head.values("sec-fetch-site"), self._is_upload_form(head)
        )
        return None if reason is None else forbidden(reason)

    def _decide(
        self, hosts: tuple[str, ...], origins: tuple[str, ...], sites: tuple[str, ...], form: bool
    ) -> str | None:
        source = RequestSource(
            hosts=["localhost"] if self._served.any_host and len({*hosts}) == 1 else hosts, origins=origins, sites=sites
        )
        allowed = self._served.form_origins if form else frozenset()
        # a page from this port is an object that somebody uploaded: it may do as little as one from elsewhere
        return refusal(source, names=self._served.names, origins=allowed, own_pages=False)

    def _is_upload_form(self, head: Head) -> bool:
        """Whether this uploads an object to the bucket as a form, or asks in advance whether a page may."""
        if self._served.form_bucket is None or head.method not in {"POST", "OPTIONS"} or head.query:
            return False
        if head.method == "OPTIONS":
            form = head.headers.get("access-control-request-method") == "POST"
        else:
            kind = head.headers.get("content-type", "").partition(";")[0].strip().lower()
            form = kind == "multipart/form-data"
        return form and self._is_bucket(head, self._served.form_bucket)

    def _is_bucket(self, head: Head, bucket: str) -> bool:
        host = Authority.parse(head.headers.get("host", ""))
        in_name = host is not None and host.name.startswith(f"{bucket}.")
        return head.path in ({"", "/"} if in_name else {f"/{bucket}", f"/{bucket}/"})


def forbidden(reason: str) -> Response:
    return _error(403, "AccessDenied", reason)


def too_large() -> Response:
    return _error(431, "RequestHeaderSectionTooLarge", "The request's headers are too large.")


def _error(status: int, code: str, reason: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{escape(reason)}</Message></Error>".encode()
    return Response(status=status, headers={"content-type": "application/xml"}, body=body)


def _parts(target: str) -> tuple[str | None, str, str]:
    """Authority, if the target names one, then path and query. An authority that is no host name is refused later."""
    if target.startswith("/") or target == "*":
        path, _, query = target.partition("?")
        return None, path, query
    try:
        split = urlsplit(target)
    except ValueError:
        return "", "", ""  # no host is called that: it is refused
    return split.netloc if split.scheme else "", split.path or "/", split.query


def _joined(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
