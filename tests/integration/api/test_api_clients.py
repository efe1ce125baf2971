"""A client generated from the OpenAPI document, used against the API that the document describes."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.integration.api.running_api import RunningApi

pytest.importorskip("openapi_python_client", reason="needs openapi-python-client; `make test` installs it")
PACKAGE = "generated_rollcall_client"


@pytest.fixture(scope="module")
def client(api: RunningApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(api.ask("GET", "/openapi.json").body)
    (folder / "settings.yml").write_text("post_hooks: []\n")
    options = ["--path", "openapi.json", "--meta", "none", "--output-path", PACKAGE, "--config", "settings.yml"]
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(PACKAGE)


def test_every_module_of_a_generated_client_imports(client: ModuleType) -> None:
    modules = [module.name for module in pkgutil.walk_packages(client.__path__, f"{PACKAGE}.")]

    assert {f"{PACKAGE}.api.photos.recognize", f"{PACKAGE}.api.videos.post_video"} < set(modules)
    for module in modules:
        importlib.import_module(module)


def test_a_generated_client_reads_answers_and_errors(api: RunningApi, client: ModuleType) -> None:
    body, kind = b'{"born": 1815}', {"Content-Type": "application/json"}
    assert api.ask("PUT", "/v1/people/Ada%20Lovelace", body=body, headers=kind).status == 200
    get_person = importlib.import_module(f"{PACKAGE}.api.people.get_person")
    with client.Client(base_url=api.server.url) as connection:
        ada = get_person.sync("Ada Lovelace", client=connection)
        nobody = get_person.sync("Nobody", client=connection)

    assert (ada.name, ada.record.to_dict()["born"], ada.faces) == ("Ada Lovelace", 1815, 0)
    assert (nobody.status, nobody.code) == (404, "not-found")


def test_a_generated_client_sends_a_photo(api: RunningApi, client: ModuleType, tmp_path: Path) -> None:
    recognize = importlib.import_module(f"{PACKAGE}.api.photos.recognize")
    types = importlib.import_module(f"{PACKAGE}.types")
    with client.Client(base_url=api.server.url) as connection:
        refused = recognize.sync(client=connection, body=types.File(payload=b"no photo"))

    assert (refused.status, refused.code) == (422, "unreadable-media")
