"""The text of an upload's bare names: what is in it, whose it is, and how it is withdrawn and forgotten."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rollcall.api.api_environment import Environment as ApiEnvironment
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import names_key
from rollcall.local.provision import provision
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.results.forget import Forgetter
from rollcall.results.publisher import Publication, Publisher
from rollcall.results.result import Failure, Result
from rollcall.stages.lookup_environment import Environment as LookupEnvironment
from tests.unit.made_results import failure, person, result, stranger

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


@dataclass
class Store:
    s3: Any
    publisher: Publisher
    forgetter: Forgetter

    def publish(self, key: str, answer: Result | Failure) -> None:
        answer = answer.model_copy(update={"video": key})
        self.publisher.publish(Upload(bucket="t-input", key=key, version="1"), Publication(result=answer))

    def text(self, key: str) -> str | None:
        try:
            answer = self.s3.get_object(Bucket="t-output", Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return str(answer["Body"].read().decode())


@pytest.fixture
def store() -> Iterator[Store]:
    with mock_aws():
        s3, sqs = boto3.client("s3", **KEYS), boto3.client("sqs", **KEYS)  # type: ignore[call-overload]
        dynamodb = boto3.resource("dynamodb", **KEYS)  # type: ignore[call-overload]
        provision(describe(Settings(prefix="t")), s3=s3, sqs=sqs, dynamodb=dynamodb.meta.client)
        forgetter = Forgetter(
            s3=s3,
            input_bucket="t-input",
            output_bucket="t-output",
            people=PeopleStore(dynamodb.Table("t-people")),
            gallery=GalleryStore(dynamodb.Table("t-faces")),
        )
        yield Store(s3, Publisher(s3, "t-output", name_texts=True), forgetter)


def named(*names: str) -> Result:
    return result([person(name, [(0, 1)]) for name in names])


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("test_1.mp4", "test_1.txt"),
        ("party/clip.final.mp4", "party/clip.final.txt"),
        ("party.2026/clip", "party.2026/clip.txt"),
        (".mp4", ".mp4.txt"),
        ("ü b/ä.jpg", "ü b/ä.txt"),
        ("notes.txt", "notes.txt"),
    ],
)
def test_it_is_named_after_the_stem(key: str, text: str) -> None:
    assert names_key(key) == text


def test_it_holds_the_bare_names_one_a_line(store: Store) -> None:
    store.publish("test_1.mp4", named("president_obama"))
    store.publish("two.mp4", named("Ann", "Zoë"))
    store.publish("strangers.mp4", result([], [stranger(1, [(0, 1)])]))
    store.publish("wall.mp4", result())

    assert [store.text(f"{stem}.txt") for stem in ("test_1", "two", "strangers", "wall")] == [
        "president_obama",
        "Ann\nZoë",
        "unknown",
        "no-face",
    ]


@pytest.mark.parametrize(("given", "on"), [({"name_texts": "true"}, True), ({}, False)])
def test_the_setting_of_a_deployment_reaches_whoever_writes_results(given: dict[str, str], on: bool) -> None:
    pipeline = Deployment.from_context({"api": "lambda", **given}).describe(default_prefix="t")

    (lookup,) = (function for function in pipeline.functions if function.component == "lookup")
    assert pipeline.api is not None
    model_dir = {"ROLLCALL_MODEL_DIR": "/opt/model"}
    assert LookupEnvironment.model_validate(lookup.environment).name_texts is on
    assert ApiEnvironment.model_validate(pipeline.api.environment | model_dir).name_texts is on


def test_without_the_setting_there_is_none(store: Store) -> None:
    store.publisher = Publisher(store.s3, "t-output")

    store.publish("a.mp4", named("Ann"))

    assert store.text("a.txt") is None


@pytest.mark.parametrize("order", [*itertools.permutations(["a.jpg", "a.mp4", "a"])])
def test_of_uploads_with_one_stem_the_first_by_key_has_it_in_any_order(store: Store, order: tuple[str, ...]) -> None:
    people = {"a": "Ann", "a.jpg": "Bo", "a.mp4": "Cy", "a.b.mp4": "Di", "a/x.mp4": "Ed"}

    for key in (*order, "a.b.mp4", "a/x.mp4"):
        store.publish(key, named(people[key]))

    assert [store.text(key) for key in ("a.txt", "a.b.txt", "a/x.txt")] == ["Ann", "Di", "Ed"]


def test_a_failed_upload_leaves_it_to_the_next_one(store: Store) -> None:
    store.publish("a.mp4", named("Cy"))
    store.publish("a.jpg", named("Bo"))

    store.publish("a.jpg", failure("It is broken."))
    assert store.text("a.txt") == "Cy"
    store.publish("a.mp4", failure("It is broken."))
    assert store.text("a.txt") is None


def test_a_newer_result_replaces_it(store: Store) -> None:
    store.publish("a.mp4", named("Ann"))
    store.publish("a.mp4", named("Bo"))

    assert store.text("a.txt") == "Bo"


@pytest.mark.parametrize("at_once", [1000, 1])
def test_a_text_of_earlier_settings_follows_the_first_upload_by_key(store: Store, at_once: int) -> None:
    store.publish("a.mp4", named("Ann"))
    store.publisher = Publisher(store.s3, "t-output")
    events = store.s3.meta.events
    events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": at_once})

    store.publish("a.mp4", named("Bo"))
    assert store.text("a.txt") == "Bo"
    store.publish("a.jpg", named("Cy"))
    assert store.text("a.txt") == "Cy"
    store.publish("a.mp4", named("Di"))
    assert store.text("a.txt") == "Cy"


def test_a_forgotten_person_is_gone_from_it_and_no_text_comes_by_that(store: Store) -> None:
    store.publish("a.jpg", named("Ann", "Bo"))
    store.publish("a.mp4", named("Ann"))
    store.publisher = Publisher(store.s3, "t-output")
    store.publish("b.mp4", named("Ann", "Bo"))

    store.forgetter.forget_results("Ann")

    assert store.text("a.txt") == "Bo"
    assert store.text("b.txt") is None
    store.forgetter.forget_results("Bo")
    assert store.text("a.txt") == "unknown"
