"""Settings are checked before anything is built, and whoever is wrong is told what to give instead."""

from typing import Any

import pytest

from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.deployment_settings import Deployment
from tests.infrastructure.conftest import CERTIFICATE

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"prefix": "Acme"}, "prefix = 'Acme': not of the form that is needed, for example acme-rollcall"),
        ({"prefix": "a" * 48}, "at most 47 characters"),
        ({"prefix": "-acme"}, "for example acme-rollcall"),
        ({"prefix": "1acme"}, "for example acme-rollcall"),
        (
            {"prefix": "acme.rollcall"},
            "for example acme-rollcall",
        ),  # certificates have one label
        ({"input_bucket": "acme.uploads"}, "for example acme-uploads"),
        ({"prefix": "xn--acme"}, "prefix = 'xn--acme': S3 keeps names that start with xn-- for itself"),
        ({"prefix": "sthree-acme"}, "S3 keeps names that start with sthree- for itself"),
        ({"prefix": "amzn-s3-demo-acme"}, "S3 keeps names that start with amzn-s3-demo- for itself"),
        ({"frames_per_second": "0"}, "frames_per_second = '0': input should be greater than or equal to 0.1"),
        ({"frames_per_second": "fast"}, "frames_per_second = 'fast': input should be a valid number"),
        ({"min_face": "11"}, "greater than or equal to 12"),
        ({"threshold": "2"}, "less than or equal to 1.5"),
        ({"calibration": "gone.json"}, "calibration: gone.json cannot be read"),
        ({"embedder": "arcface"}, "embedder = 'arcface': input should be 'fused', 'dlib-resnet', 'sface' or 'facenet'"),
        ({"input_bucket": "my.uploads"}, "for example acme-uploads"),
        ({"input_bucket": "acme", "output_bucket": "acme"}, "have to be three different buckets"),
        ({"prefix": "acme", "input_bucket": "acme-output"}, "have to be three different buckets"),
        ({"max_concurrency": "1"}, "max_concurrency = '1': input should be greater than or equal to 2"),
        ({"lookup_memory": "128"}, "lookup_memory = '128': input should be greater than or equal to 256"),
        ({"face_recognition_memory": "128"}, "input should be greater than or equal to 512"),
        ({"video_split_memory": "2GB"}, "valid integer"),
        ({"video_split_memory": "1024"}, "video_split_memory = '1024': input should be greater than or equal to 1769"),
        ({"architecture": "arm"}, "'x86_64' or 'arm64'"),
        ({"input_days": "-1"}, "greater than or equal to 0"),
        ({"log_days": "31"}, "log_days = '31': CloudWatch Logs keeps logs for one of 1, 3, 5, 7"),
        ({"removal_policy": "delete"}, "'retain' or 'destroy'"),
        ({"alarm_email": "nobody"}, "for example ops@example.org"),
        ({"kms_key_arn": "alias/mine"}, "for example arn:aws:kms:"),
        ({"kms_key_arn": KEY.replace("/1234abcd", "/key")}, "for example arn:aws:kms:"),
        ({"kms_key_arn": KEY.replace("1111", "١١١١")}, "for example arn:aws:kms:"),
        ({"kms_former_key_arns": f"{KEY},alias/mine"}, "for example arn:aws:kms:"),
        ({"kms_key_arn": KEY, "kms_former_key_arns": KEY}, "kms_former_key_arns names kms_key_arn itself"),
        ({"vpc_id": "vpc-1", "subnet_ids": "subnet-0123456789abcdef0"}, "for example vpc-"),
        ({"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": "eu-west-1a"}, "for example subnet-"),
        (
            {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef0"},
            "subnet-0123456789abcdef0 is named twice",
        ),
        ({"vpc_id": "vpc-0123456789abcdef0"}, "vpc_id needs subnet_ids as well"),
        ({"subnet_ids": "subnet-0123456789abcdef0"}, "subnet_ids needs vpc_id as well"),
        ({"image_repository": "rollcall"}, "image_repository needs image_tag as well"),
        ({"image_tag": "1.4.0"}, "image_tag needs image_repository as well"),
        ({"image_repository": "Roll call", "image_tag": "1"}, "image_repository = 'Roll call'"),
        (
            {"image_repository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/acme/rollcall", "image_tag": "1"},
            "give the repository's name alone, acme/rollcall",
        ),
        ({"compute": "ecs"}, "compute = 'ecs': input should be 'lambda' or 'fargate'"),
        ({"compute": "fargate", "capacity": "cheap"}, "'on_demand' or 'spot'"),
        ({"capacity": "spot"}, "capacity = spot is of workers: give compute=fargate as well"),
        ({"refresh": "this month"}, "not of the form that is needed, for example 2026-11"),
        (
            {"refresh": "2026-11", "image_repository": "rollcall", "image_tag": "1"},
            "refresh is of images that are built",
        ),
        ({"api": "ecs"}, "'none', 'lambda' or 'container'"),
        ({"api": "container"}, "needs api_certificate_arn, to be open by HTTPS, or vpc_id"),
        ({"api": "container", "api_auth": "iam"}, "api_auth = iam needs API Gateway"),
        ({"api": "none", "api_auth": "iam"}, "api_auth = iam needs API Gateway"),
        ({"api_certificate_arn": CERTIFICATE, "api_domain": "a.example.org"}, "is of a load balancer"),
        ({"api": "container", "api_certificate_arn": CERTIFICATE}, "api_certificate_arn needs api_domain as well"),
        ({"api": "container", "api_domain": "a.example.org"}, "api_domain needs api_certificate_arn as well"),
        ({"api_domain": "https://a.example.org"}, "for example api.example.org"),
        ({"api_domain": "localhost"}, "for example api.example.org"),
        (
            {"api": "container", "vpc_id": "vpc-0123456789abcdef0", "subnet_ids": "subnet-0123456789abcdef0"},
            "api = container needs two subnets",
        ),
        ({"api_cors_origins": "https://a.example"}, "api_cors_origins is of the API: give api=lambda or api=container"),
        ({"api_concurrency": "20"}, "api_concurrency is of the API's function: give api=lambda as well"),
        (
            {"api": "lambda", "api_auth": "iam", "api_authorizer_concurrency": "20"},
            "api_authorizer_concurrency is of the function that checks API keys",
        ),
        ({"api_rate": "20"}, "api_rate is of API Gateway: give api=lambda as well"),
        ({"api_cors_origins": "*"}, "for example https://app.example.org"),
        ({"api_rate": "0"}, "greater than or equal to 1"),
        ({"frame_per_second": "1"}, "frame_per_second: no such setting, did you mean frames_per_second?"),
        ({"zoom": "1"}, "zoom: no such setting, there are prefix, "),
        ({"Prefix": "acme"}, "Prefix: no such setting, did you mean prefix?"),
        ({"frames-per-second": "1"}, "frames-per-second: no such setting, did you mean frames_per_second?"),
        ({"alarmEmail": "a@b.org"}, "alarmEmail: no such setting, did you mean alarm_email?"),
    ],
)
def test_a_bad_setting_is_named_with_what_to_give_instead(context: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSettings) as refused:
        Deployment.from_context(context)

    assert message in str(refused.value)


def test_all_bad_settings_are_told_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        Deployment.from_context({"prefix": "A", "threshold": "0", "log_days": "2"})

    assert [line.partition(" ")[0] for line in str(refused.value).splitlines()] == ["prefix", "threshold", "log_days"]


def test_the_cdks_own_context_is_left_alone() -> None:
    context = {"@aws-cdk/core:newStyleStackSynthesis": True, "aws:cdk:enable-path-metadata": True, "cli-telemetry": 0}

    assert Deployment.from_context(context) == Deployment()


@pytest.mark.parametrize(
    "settings",
    [
        {"kms_key_arn": KEY},
        {"kms_former_key_arns": KEY},
        {"api": "container", "api_certificate_arn": CERTIFICATE, "api_domain": "a.example.org"},
    ],
)
def test_what_is_of_another_region_is_refused_where_the_region_is_known(settings: dict[str, str]) -> None:
    deployment = Deployment.from_context(settings)

    deployment.require_region("eu-west-1")
    with pytest.raises(BadSettings, match="is in eu-west-1, and the deployment in eu-north-1"):
        deployment.require_region("eu-north-1")


def test_a_multi_region_key_is_one() -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"

    assert Deployment.from_context({"kms_key_arn": key}).kms_key_arn == key


def test_subnets_come_as_a_list_from_cdk_json_and_as_text_from_the_command_line() -> None:
    subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]

    listed = Deployment.from_context({"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": subnets})
    typed = Deployment.from_context({"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ", ".join(subnets)})

    assert listed == typed
    assert typed.subnet_ids == tuple(subnets)


def test_the_longest_prefix_still_makes_names_that_aws_takes() -> None:
    pipeline = Deployment(prefix="a" * 47).describe(default_prefix="unused")

    assert max(len(bucket.name) for bucket in pipeline.buckets) <= 63
    assert max(len(function.name) for function in pipeline.functions) <= 64
    assert max(len(queue.dead_letter_queue) for queue in pipeline.queues) <= 80
