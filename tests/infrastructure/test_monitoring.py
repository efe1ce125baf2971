"""Alarms for what somebody has to look at, and a page that reads as the pipeline flows."""

import json
from typing import Any

import pytest

from functions.video_split.deadline import RESERVE_SECONDS
from infra.pipeline import Settings, describe
from infra.template import Template
from tests.infrastructure.conftest import DEFAULT_PREFIX

STAGES = ("split", "recognize", "lookup")
FUNCTIONS = ("video-split", "face-recognition", "lookup", "api")


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {
        alarm["AlarmName"].removeprefix(f"{DEFAULT_PREFIX}-"): alarm
        for alarm in template.properties("AWS::CloudWatch::Alarm")
    }


@pytest.mark.parametrize(
    ("name", "metric", "above"),
    [
        *((f"{stage}-dead-letters", "ApproximateNumberOfMessagesVisible", 0) for stage in STAGES),
        *((f"{name}-errors", "Errors", 0) for name in FUNCTIONS),
        *((f"{name}-throttles", "Throttles", 0) for name in FUNCTIONS),
        ("split-backlog-age", "ApproximateAgeOfOldestMessage", 6 * 900),
        ("recognize-backlog-age", "ApproximateAgeOfOldestMessage", 6 * 120),
        ("lookup-backlog-age", "ApproximateAgeOfOldestMessage", 6 * 120),
        ("video-split-duration", "Duration", 810_000),
        ("face-recognition-duration", "Duration", 108_000),
        ("lookup-duration", "Duration", 108_000),
        ("api-duration", "Duration", 27_000),
        ("api-failures", "5xx", 0),
    ],
)
def test_there_is_an_alarm_for(name: str, metric: str, above: float, api_template: Template) -> None:
    alarm = alarms(api_template)[name]

    assert (alarm["MetricName"], alarm["Threshold"]) == (metric, above)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmDescription"]


def test_a_long_video_handed_back_sets_off_no_alarm(api_template: Template) -> None:
    (split,) = (function for function in describe(Settings()).functions if function.component == "video_split")
    assert (split.timeout - RESERVE_SECONDS) * 1000 < alarms(api_template)["video-split-duration"]["Threshold"]


def test_an_alarm_watches_the_very_queue_or_function_that_it_names(api_template: Template) -> None:
    for name, alarm in alarms(api_template).items():
        if name == "api-failures":  # API Gateway's, which goes by an id
            continue
        (dimension,) = alarm["Dimensions"]
        watched = name if name.endswith("-dead-letters") else name.rpartition("-")[0].removesuffix("-backlog")
        assert dimension["Value"] == f"{DEFAULT_PREFIX}-{watched}"


def test_every_alarm_is_told_to_the_topic(template: Template) -> None:
    (topic,) = template.properties("AWS::SNS::Topic")

    for alarm in template.properties("AWS::CloudWatch::Alarm"):
        (action,) = alarm["AlarmActions"]
        assert action.endswith(f":{topic['TopicName']}")


def test_cloudwatch_can_open_the_topics_key(api_template: Template) -> None:
    (key,) = api_template.properties("AWS::KMS::Key")

    opened = [
        statement
        for statement in key["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]

    assert key["EnableKeyRotation"] is True
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= {action for statement in opened for action in statement["Action"]}


def test_an_address_is_told_of_alarms_only_when_given(api_template: Template, bespoke_template: Template) -> None:
    assert list(api_template.properties("AWS::SNS::Subscription")) == []
    (subscription,) = bespoke_template.properties("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")


def test_the_dashboard_reads_as_the_pipeline_flows(api_template: Template) -> None:
    (dashboard,) = api_template.properties("AWS::CloudWatch::Dashboard")

    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    graphs = sorted((widget for widget in widgets if widget["type"] == "metric"), key=lambda w: (w["y"], w["x"]))

    assert [graph["properties"]["title"] for graph in graphs[:8]] == [
        "split: waiting, in work",
        "video_split: invocations",
        "video_split: duration, ms",
        "split: dead letters",
        "recognize: waiting, in work",
        "face_recognition: invocations",
        "face_recognition: duration, ms",
        "recognize: dead letters",
    ]
    assert len(graphs) == 4 * len(STAGES) + 4  # and the API's
    assert [graph["properties"]["title"] for graph in graphs[-4:]] == [
        "api: latency, ms",
        "api: invocations",
        "api: duration, ms",
        "api: failures",
    ]
