"""The template deploys what `rollcall.pipeline` describes, which is what the local cloud runs: the two cannot drift."""

import importlib
import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from infra.template import Template
from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.description import (
    ATTEMPTS,
    DAY_SECONDS,
    Bucket,
    Pipeline,
    describe,
)
from rollcall.pipeline.settings import Settings
from tests.infrastructure.conftest import DEFAULT_PREFIX, DEFAULTS, PLACE, Synthesize
from tests.infrastructure.read_back import read_back

SET_BY_THE_IMAGE = {"ROLLCALL_MODEL_DIR": "/opt/model"}
ENVIRONMENTS = {
    "video_split": "split_environment",
    "face_recognition": "recognize_environment",
    "lookup": "lookup_environment",
}
COMPONENTS = tuple(ENVIRONMENTS)


def with_lifetimes(pipeline: Pipeline, *, input_days: int | None, output_days: int | None) -> Pipeline:
    def with_lifetime(bucket: Bucket) -> Bucket:
        days = {"input": input_days, "stage-1": bucket.expire_days, "output": output_days}
        return replace(bucket, expire_days=days[bucket.role])

    return replace(pipeline, buckets=tuple(map(with_lifetime, pipeline.buckets)))


def test_by_default_it_is_the_described_pipeline_under_the_accounts_and_regions_name(
    default_template: Template,
) -> None:
    deployed = read_back(default_template, prefix=DEFAULT_PREFIX)

    assert deployed == with_lifetimes(describe(Settings(prefix=DEFAULT_PREFIX)), input_days=90, output_days=365)


def test_every_setting_reaches_what_it_is_for(bespoke_template: Template) -> None:
    deployed = read_back(bespoke_template, prefix="acme")

    chosen = Settings(
        prefix="acme",
        input_bucket="uploads-of-acme",
        stage_1_bucket="packs-of-acme",
        output_bucket="results-of-acme",
        frames_per_second=1.5,
        min_face=24,
        threshold=0.5,
        max_duration=7200,
        max_bytes=1_000_000_000,
        tracks="all",
        max_stored_bytes=2_000_000_000,
        max_recognitions=20_000,
        max_concurrency=50,
    )
    described = with_lifetimes(describe(chosen), input_days=None, output_days=30)
    memory = {"video_split": 3072, "face_recognition": 1769, "lookup": 512}
    functions = tuple(replace(function, memory_mb=memory[function.component]) for function in described.functions)
    # removal_policy = destroy
    tables = tuple(replace(table, kept=False) for table in described.tables)
    assert deployed == replace(described, functions=functions, tables=tables)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_function_accepts_the_environment_that_it_is_given(component: str, template: Template) -> None:
    accepted = _environment_model(component).model_validate(_environment(template, component) | SET_BY_THE_IMAGE)

    assert accepted.attempts == ATTEMPTS


def test_what_is_never_begun_stays_for_days_and_what_fails_is_counted_by_the_functions(
    default_template: Template,
) -> None:
    """A throttled invocation receives its message and begins nothing: such deliveries must cost nobody a result."""
    for queue in read_back(default_template, prefix=DEFAULT_PREFIX).queues:
        untried = queue.max_receive_count * queue.visibility_timeout
        assert 7 * DAY_SECONDS < untried < queue.retention_seconds
        assert queue.max_receive_count > 10 * ATTEMPTS


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_function_is_given_nothing_that_it_does_not_take(component: str, template: Template) -> None:
    given = {name for name in _environment(template, component) if not name.startswith("POWERTOOLS_")}

    assert given <= {field.alias for field in _environment_model(component).model_fields.values()}


def _environment(template: Template, component: str) -> dict[str, str]:
    (given,) = (
        function["Environment"]["Variables"]
        for function in template.properties("AWS::Lambda::Function")
        if function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == component
    )
    return dict(given)


def _environment_model(component: str) -> Any:
    return importlib.import_module(f"rollcall.stages.{ENVIRONMENTS[component]}").Environment


def test_a_function_reports_which_messages_of_a_batch_failed(template: Template) -> None:
    mappings = list(template.properties("AWS::Lambda::EventSourceMapping"))

    assert len(mappings) == len(COMPONENTS)
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping.get("Enabled", True)


def test_stage_1_is_gone_after_a_day_with_all_its_versions(template: Template) -> None:
    (stage_1,) = (
        bucket
        for bucket in template.properties("AWS::S3::Bucket")
        if bucket["BucketName"] == template.output("stage1bucket")
    )

    (rule,) = stage_1["LifecycleConfiguration"]["Rules"]

    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == 1
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_a_bucket_waits_for_the_policy_that_lets_it_notify(default_document: dict[str, Any]) -> None:
    resources = default_document["Resources"]
    notifying = [
        resource
        for resource in resources.values()
        if resource["Type"] == "AWS::S3::Bucket" and "NotificationConfiguration" in resource["Properties"]
    ]

    assert len(notifying) == 2
    for bucket in notifying:
        (policy,) = (resources[name] for name in bucket["DependsOn"])
        (configuration,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
        queue = configuration["Queue"]["Fn::GetAtt"][0]
        assert policy["Type"] == "AWS::SQS::QueuePolicy"
        assert policy["Properties"]["Queues"] == [{"Ref": queue}]


def test_what_cannot_be_made_again_outlives_the_stack_once_that_exists(default_template: Template) -> None:
    policies = {
        resource["DeletionPolicy"]
        for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
        for resource in default_template.resources(kind)
    }

    assert policies == {"Delete", "RetainExceptOnCreate"}  # a first deployment that fails leaves nothing in the way
    assert _removed_with_the_stack(default_template) == {
        f"{DEFAULT_PREFIX}-{role}" for role in ("stage-1", "versions", "jobs", "attempts", "api-keys")
    }


def test_tables_of_people_are_guarded_from_deletion_where_they_are_kept(
    default_template: Template, bespoke_template: Template
) -> None:
    assert _guarded(default_template) == {f"{DEFAULT_PREFIX}-people", f"{DEFAULT_PREFIX}-faces"}
    assert _guarded(bespoke_template) == set()  # removal_policy = destroy


def _guarded(template: Template) -> set[str]:
    tables = template.properties("AWS::DynamoDB::Table")
    return {table["TableName"] for table in tables if table.get("DeletionProtectionEnabled")}


@pytest.mark.parametrize(("policy", "protected"), [("retain", True), ("destroy", False)])
def test_the_stack_is_protected_where_what_is_peoples_own_is_kept(
    policy: str, protected: bool, synthesize: Synthesize
) -> None:
    _, folder = synthesize(DEFAULTS | {"removal_policy": policy})

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["artifacts"]["Rollcall"]["properties"].get("terminationProtection", False) == protected


def test_everything_goes_with_the_stack_when_told_so(bespoke_template: Template) -> None:
    buckets = {"uploads-of-acme", "packs-of-acme", "results-of-acme"}
    tables = {f"acme-{role}" for role in ("people", "faces", "versions", "jobs", "attempts", "api-keys")}

    assert _removed_with_the_stack(bespoke_template) == buckets | tables


def _removed_with_the_stack(template: Template) -> set[str]:
    stores = [*template.resources("AWS::S3::Bucket"), *template.resources("AWS::DynamoDB::Table")]
    return {
        store["Properties"].get("BucketName") or store["Properties"]["TableName"]
        for store in stores
        if store["DeletionPolicy"] == "Delete"
    }


def test_functions_run_inside_the_given_vpc(bespoke_template: Template) -> None:
    (group,) = bespoke_template.properties("AWS::EC2::SecurityGroup")

    assert "SecurityGroupIngress" not in group
    assert {rule["FromPort"] for rule in group["SecurityGroupEgress"]} == {443}
    for function in bespoke_template.properties("AWS::Lambda::Function"):
        assert function["VpcConfig"]["SubnetIds"] == ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]


def test_images_are_built_from_a_target_for_each_function(synthesize: Synthesize, tmp_path: Path) -> None:
    for name in ("docker/Dockerfile", "functions/code.py", "functions/__pycache__/code.pyc", ".venv/lib.so"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")

    document, folder = synthesize({"architecture": "arm64", "api": "lambda"}, source=tmp_path)

    (assets,) = folder.glob("*.assets.json")
    images = [image["source"] for image in json.loads(assets.read_text())["dockerImages"].values()]
    assert sorted(image["dockerBuildTarget"] for image in images) == sorted((*COMPONENTS, "api"))
    assert {image["dockerFile"] for image in images} == {"docker/Dockerfile"}
    assert {image["platform"] for image in images} == {"linux/arm64"}
    assert all(_files(folder / image["directory"]) == {"docker/Dockerfile", "functions/code.py"} for image in images)
    functions = list(Template(document, PLACE).properties("AWS::Lambda::Function"))
    assert {tuple(function["Architectures"]) for function in functions} == {("arm64",)}
    assert {function["PackageType"] for function in functions} == {"Image"}


def test_a_refresh_builds_every_image_anew_and_changes_nothing_else(synthesize: Synthesize, tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM scratch\n")
    given = {"api": "lambda", "compute": "fargate"}

    plain, again, november, december = (
        synthesize(given | more, source=tmp_path) for more in ({}, {}, {"refresh": "2026-11"}, {"refresh": "2026-12"})
    )

    assert _images(plain[1]).keys() == _images(again[1]).keys()
    assert not any(a.keys() & b.keys() for a, b in combinations(map(_images, (plain[1], november[1], december[1])), 2))
    arguments = [image["dockerBuildArgs"] for image in _images(november[1]).values()]
    assert arguments == [{"REFRESH": "2026-11"}] * 4
    assert _without_hashes(november[0]) == _without_hashes(december[0]) == _without_hashes(plain[0])


def _images(folder: Path) -> dict[str, Any]:
    """What is built, by its hash."""
    (assets,) = folder.glob("*.assets.json")
    images = json.loads(assets.read_text())["dockerImages"]
    return {name: image["source"] for name, image in images.items()}


def _without_hashes(document: dict[str, Any]) -> str:
    return re.sub(r"[0-9a-f]{64}", "hash", json.dumps(document))


def test_an_embedder_whose_weights_no_image_would_hold_is_refused(synthesize: Synthesize, tmp_path: Path) -> None:
    for name in ("docker/Dockerfile", "functions/code.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    weights = tmp_path / "docker" / "weights" / "20180402-114759-vggface2.pt"

    with pytest.raises(BadSettings, match=f"embedder = 'facenet': .*docker/weights/{weights.name}, or give image_rep"):
        synthesize({"embedder": "facenet"}, source=tmp_path)

    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    for context in ({}, {"image_repository": "rollcall", "image_tag": "1.4.0"}):
        document, _ = synthesize({"embedder": "facenet"} | context, source=tmp_path)
        environment = _environment(Template(document, PLACE), "face_recognition")
        assert environment["ROLLCALL_EMBEDDER"] == "facenet"


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
