"""Who may ask a server on this machine, by the headers that a browser sets and no page can change."""

import pytest

from rollcall.runtime.local_requests import Origin, RequestSource, origins_of, refusal

HOST = "127.0.0.1:8000"
EVIL = "https://evil.example"


def refused(
    *hosts: str,
    origins: tuple[str, ...] = (),
    sites: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
    own_pages: bool = True,
) -> bool:
    source = RequestSource(hosts=hosts, origins=origins, sites=sites)
    return refusal(source, names=names, origins=origins_of(allowed), own_pages=own_pages) is not None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4566",
        "127.8.9.10:4566",
        "localhost",
        "LocalHost:8000",
        "localhost.:8000",
        "[::1]",
        "[::1]:8000",
        "[::ffff:127.0.0.1]:8000",
        "[0:0:0:0:0:0:0:1]:8000",
        "rollcall-input.localhost:4566",
        "rollcall-input.s3.LOCALHOST.:4566",
        "my_bucket.2026.localhost:4566",
    ],
)
def test_this_machine_is_asked_by_names_of_its_own(host: str) -> None:
    assert not refused(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        ":8000",
        ".",
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example:4566",
        "rollcall-input.evil.example:4566",
        "localhost.evil.example",
        "evillocalhost",
        "localhost.localstack.cloud:4566",  # a name that others own
        "localhost..",
        "192.168.0.7:8000",
        "0.0.0.0:8000",
        "[::2]:8000",
        "[::ffff:8.8.8.8]",
        "[::1%25lo]",
        "[::1",
        "::1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:80:80",
        "127.0.0.1:" + "9" * 5000,
        "evil.example@127.0.0.1",
        "127.0.0.1/evil.example",
        "127.0.0.1,evil.example",
        "localhost\tevil.example",
        "löcalhost",
        "٣.0.0.1",
    ],
)
def test_a_name_that_is_not_this_machines_is_refused(host: str) -> None:
    assert refused(host)


def test_several_hosts_are_refused_unless_they_are_one() -> None:
    assert refused()
    assert refused(HOST, "evil.example")
    assert refused("evil.example", HOST)
    assert refused(HOST, "localhost:8000")
    assert not refused(HOST, HOST)


def test_further_names_stand_for_this_machine_where_they_are_given() -> None:
    assert not refused("in.s3.test:443", names=("s3.test",))
    assert not refused("s3.test", names=("s3.test",))
    assert refused("evils3.test", names=("s3.test",))


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "file://",
        "http://127.0.0.1",  # another port
        "http://127.0.0.1:8001",
        "http://localhost:8000",  # the same site, but not the same origin
        "http://x.127.0.0.1:8000",
        "http://127.0.0.1.evil.example:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example@127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000 https://evil.example",
        "http://127.0.0.1:8000,https://evil.example",
        "ftp://127.0.0.1:8000",
        "chrome-extension://127.0.0.1:8000",
        "http://127.0.0.1:" + "8" * 5000,
    ],
)
def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    assert refused(HOST, origins=(origin,))
    assert refused(HOST, origins=(origin,), sites=("same-origin",))
    assert refused(HOST, origins=("http://127.0.0.1:8000", origin))


def test_pages_of_the_servers_own_may_ask_where_it_has_any() -> None:
    for host, origin in (
        (HOST, "http://127.0.0.1:8000"),
        ("LOCALHOST.:8000", "http://localhost:8000"),
        ("[::1]:80", "http://[::1]"),
        ("localhost", "https://localhost"),
    ):
        assert not refused(host, origins=(origin,), sites=("same-origin",))
        assert refused(host, origins=(origin,), sites=("same-origin",), own_pages=False)
    assert not refused(HOST, sites=("same-origin",))
    assert refused(HOST, sites=("same-origin",), own_pages=False)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "", "other", "none,cross-site"])
def test_requests_that_a_page_elsewhere_makes_without_an_origin_are_refused(site: str) -> None:
    assert refused(HOST, sites=(site,))
    assert refused(HOST, sites=("none", site))


@pytest.mark.parametrize("sites", [(), ("none",), (" None ",)])
def test_programs_and_the_address_bar_may_ask(sites: tuple[str, ...]) -> None:
    assert not refused(HOST, sites=sites, own_pages=False)


def test_pages_that_are_allowed_may_ask_from_anywhere() -> None:
    allowed = ("https://app.example", "http://localhost:3000")
    for origin in ("https://app.example", "https://APP.example:443", "http://localhost:3000"):
        assert not refused(HOST, origins=(origin,), sites=("cross-site",), allowed=allowed)
    for origin in ("http://app.example", "https://app.example:444", "https://x.app.example", "null"):
        assert refused(HOST, origins=(origin,), allowed=allowed)
    assert refused("evil.example", origins=("https://app.example",), allowed=allowed)


def test_a_pattern_allows_nobody() -> None:
    assert origins_of(["*", "null", "https://*.example", "", "https://app.example"]) == {
        Origin("https", "app.example", 443)
    }
