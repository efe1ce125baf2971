"""Alarms for what somebody has to look at, and a page that reads as the pipeline flows."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.template import Template
from rollcall.media.deadline import RESERVE_SECONDS
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from tests.infrastructure.conftest import DEFAULT_PREFIX, OPEN, Synthesize

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "stack.md"
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
        ("recognize-backlog-age", "ApproximateAgeOfOldestMessage", 6 * 240),
        ("lookup-backlog-age", "ApproximateAgeOfOldestMessage", 6 * 120),
        ("video-split-duration", "Duration", 810_000),
        ("face-recognition-duration", "Duration", 216_000),
        ("lookup-duration", "Duration", 108_000),
        ("api-duration", "Duration", 27_000),
        ("api-failures", "5xx", 0),
        *((f"{name}-failed-records", "RecordsFailed", 10) for name in FUNCTIONS[:-1]),
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
        if name.endswith("-failed-records"):  # which the functions count by themselves
            assert dimension["Value"] == name.removesuffix("-failed-records").replace("-", "_")
            assert alarm["Namespace"] == f"Rollcall/{DEFAULT_PREFIX}"
            continue
        watched = name if name.endswith("-dead-letters") else name.rpartition("-")[0].removesuffix("-backlog")
        assert dimension["Value"] == f"{DEFAULT_PREFIX}-{watched}"


def test_what_functions_count_is_read_where_they_write_it(any_template: Template) -> None:
    (dashboard,) = any_template.properties("AWS::CloudWatch::Dashboard")
    written = {
        function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] for function in _functions(any_template)
    }

    (namespace,) = written
    metrics = [metric for widget in json.loads(dashboard["DashboardBody"])["widgets"] for metric in _drawn(widget)]
    own = {(metric[1], metric[3]) for metric in metrics if metric[0] == namespace}
    assert {
        ("Frames", "face_recognition"),
        ("Faces", "face_recognition"),
        ("Results", "lookup"),
        ("Failures", "lookup"),
        ("SplitTime", "video_split"),
        ("RecognizeTime", "face_recognition"),
        ("TotalTime", "lookup"),
        ("RecordsFailed", "video_split"),
    } <= own
    alarmed = {
        alarm["Namespace"]
        for alarm in any_template.properties("AWS::CloudWatch::Alarm")
        if alarm["AlarmName"].endswith("-failed-records")
    }
    assert alarmed == written
    assert namespace.startswith("Rollcall/") and not namespace.endswith("/")


def _functions(template: Template) -> list[dict[str, Any]]:
    return list(template.properties("AWS::Lambda::Function"))


def _drawn(widget: dict[str, Any]) -> list[list[Any]]:
    return list(widget["properties"].get("metrics", ()))


def test_no_alarm_says_more_attempts_than_there_are(default_template: Template) -> None:
    assert "failed at least 5 times" in alarms(default_template)["split-dead-letters"]["AlarmDescription"]


def test_work_that_no_worker_takes_is_told(fargate_template: Template) -> None:
    alarm = alarms(fargate_template)["face-recognition-no-workers"]

    (expression,) = (entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry)
    watched = {
        entry["Id"]: (entry["MetricStat"]["Metric"]["MetricName"], entry["MetricStat"]["Stat"])
        for entry in alarm["Metrics"]
        if "MetricStat" in entry
    }
    assert expression == "IF(waiting > 0 AND FILL(received, 0) == 0, 1, 0)"
    assert watched == {
        "waiting": ("ApproximateNumberOfMessagesVisible", "Minimum"),
        "received": ("NumberOfMessagesReceived", "Sum"),
    }
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 2)
    assert alarm["AlarmActions"]


def test_an_api_of_containers_that_nobody_answers_is_told(open_template: Template) -> None:
    told = alarms(open_template)

    assert told["api-failures"]["MetricName"] == "HTTPCode_Target_5XX_Count"
    assert told["api-unanswered"]["MetricName"] == "HTTPCode_ELB_5XX_Count"
    unhealthy = told["api-unhealthy"]
    assert (unhealthy["MetricName"], unhealthy["Statistic"]) == ("HealthyHostCount", "Maximum")
    assert (unhealthy["ComparisonOperator"], unhealthy["Threshold"]) == ("LessThanThreshold", 1)
    assert unhealthy["TreatMissingData"] == "breaching"


def test_an_api_is_not_told_to_be_unhealthy_before_it_is_there(synthesize: Synthesize) -> None:
    document, _ = synthesize(OPEN)
    resources = document["Resources"]
    (alarm,) = (
        entry
        for entry in resources.values()
        if entry["Type"] == "AWS::CloudWatch::Alarm" and entry["Properties"].get("MetricName") == "HealthyHostCount"
    )

    assert "AWS::ECS::Service" in {resources[name]["Type"] for name in alarm["DependsOn"]}


def test_so_many_alarms_are_documented(
    default_template: Template, api_template: Template, open_template: Template
) -> None:
    plain, with_function, with_containers = (
        len(list(template.properties("AWS::CloudWatch::Alarm")))
        for template in (default_template, api_template, open_template)
    )

    told = f"| {plain} alarms; {with_function} with `api=lambda`, {with_containers} with `api=container` |"
    assert told in DOCUMENT.read_text()


def test_where_alarms_are_told_is_an_output(default_template: Template) -> None:
    assert default_template.output("AlarmTopicArn") == f"arn:aws:sns:eu-west-1:123456789012:{DEFAULT_PREFIX}-alarms"


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
    assert len(graphs) == 4 * len(STAGES) + 4 + 4  # what functions count, and the API's
    assert [graph["properties"]["title"] for graph in graphs[-8:-4]] == [
        "frames, faces",
        "results, failures",
        "stages: median, ms",
        "upload to result, ms",
    ]
    assert [graph["properties"]["title"] for graph in graphs[-4:]] == [
        "api: latency, ms",
        "api: invocations",
        "api: duration, ms",
        "api: failures",
    ]
