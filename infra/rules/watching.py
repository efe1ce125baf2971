"""Alarms, the topic that they tell, and the dashboard."""

import json
import re
from collections.abc import Iterator
from typing import Any

from infra.rules.rule import Rule, Stack, rule

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"
TOPIC = "AWS::SNS::Topic"
TOPIC_POLICY = "AWS::SNS::TopicPolicy"
KEY = "AWS::KMS::Key"
CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
SHORT_PERIODS = (10, 20, 30)
DAY = 86_400
WEEK = 7 * DAY
HOUR = 3600
MOST_METRICS = 10
MOST_ACTIONS = 5
LONGEST_NAME, LONGEST_DESCRIPTION = 255, 1024
MOST_WIDGETS = 500
COLUMNS = 24
WORDS = re.compile(r"\b[a-z][A-Za-z0-9_]*\b")


@rule("AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html", ALARM)
def alarms_watch_one_thing(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of(ALARM):
        returned = [entry for entry in alarm.get("Metrics", ()) if entry.get("ReturnData", True)]
        if ("Metrics" in alarm) == ("MetricName" in alarm) or ("Metrics" in alarm and len(returned) != 1):
            yield f"{name} needs one metric, or metrics of which one is returned"
        if len(alarm.get("Metrics", ())) > MOST_METRICS:
            yield f"{name} has more than {MOST_METRICS} metrics"


@rule("AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html", ALARM)
def expressions_name_metrics_that_are_there(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of(ALARM):
        metrics = {entry["Id"]: entry for entry in alarm.get("Metrics", ())}
        if not all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", identifier) for identifier in metrics):
            yield f"{name} has an id that does not start with a small letter"
        for entry in metrics.values():
            unknown = set(WORDS.findall(entry.get("Expression", ""))) - metrics.keys()
            if unknown:
                yield f"{name} has an expression of {', '.join(sorted(unknown))}, which it does not define"


@rule("AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html", ALARM)
def alarms_look_at_periods_that_there_are(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of(ALARM):
        for period in _periods(alarm):
            most = WEEK if period >= HOUR else DAY
            if (period % 60 and period not in SHORT_PERIODS) or period * alarm["EvaluationPeriods"] > most:
                yield f"{name} looks at {alarm['EvaluationPeriods']} periods of {period} s"
        if not 1 <= alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]:
            yield f"{name} goes off after more periods than it looks at"


def _periods(alarm: dict[str, Any]) -> list[int]:
    stated = [alarm["Period"]] if "Period" in alarm else []
    return stated + [entry["MetricStat"]["Period"] for entry in alarm.get("Metrics", ()) if "MetricStat" in entry]


@rule("AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html", ALARM)
def alarms_have_names_of_their_own_and_few_actions(stack: Stack) -> Iterator[str]:
    names: set[str] = set()
    for name, alarm in stack.of(ALARM):
        called = stack.filled(alarm.get("AlarmName", name))
        if called in names or len(called) > LONGEST_NAME:
            yield f"{name} is called {called}, which is taken or too long"
        names.add(called)
        if len(alarm.get("AlarmDescription", "")) > LONGEST_DESCRIPTION:
            yield f"{name} is described in more than {LONGEST_DESCRIPTION} characters"
        if len(alarm.get("AlarmActions", ())) > MOST_ACTIONS:
            yield f"{name} has more than {MOST_ACTIONS} actions"


@rule("AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html", ALARM, TOPIC, TOPIC_POLICY)
def alarms_may_tell_their_topic(stack: Stack) -> Iterator[str]:
    told = {topic for _, alarm in stack.of(ALARM) for topic in stack.named(alarm.get("AlarmActions"), TOPIC)}
    open_to_alarms = {
        topic
        for _, policy in stack.of(TOPIC_POLICY)
        if any(_lets_alarms(statement, "sns:Publish") for statement in policy["PolicyDocument"]["Statement"])
        for topic in stack.named(policy["Topics"], TOPIC)
    }
    for topic in sorted(told - open_to_alarms):
        yield f"{topic} takes no message from CloudWatch"


@rule("sns/latest/dg/sns-key-management.html", TOPIC, KEY)
def alarms_may_use_the_key_of_their_topic(stack: Stack) -> Iterator[str]:
    for name, topic in stack.of(TOPIC):
        for key in stack.named(topic.get("KmsMasterKeyId"), KEY):
            statements = stack.resources[key]["Properties"]["KeyPolicy"]["Statement"]
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                if not any(_lets_alarms(statement, action) for statement in statements):
                    yield f"{name} is encrypted by {key}, which lets CloudWatch do no {action}"


def _lets_alarms(statement: dict[str, Any], action: str) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return bool(statement["Effect"] == "Allow" and statement["Principal"] == CLOUDWATCH and action in actions)


@rule("AmazonCloudWatch/latest/APIReference/API_PutDashboard.html", DASHBOARD)
def dashboards_are_json_under_a_plain_name(stack: Stack) -> Iterator[str]:
    for name, dashboard in stack.of(DASHBOARD):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", stack.filled(dashboard["DashboardName"])):
            yield f"{name} is called {stack.filled(dashboard['DashboardName'])}"
        try:
            widgets = json.loads(stack.filled(dashboard["DashboardBody"]))["widgets"]
        except (ValueError, KeyError):
            yield f"{name} has a body that is not JSON with widgets"
            continue
        if len(widgets) > MOST_WIDGETS or any(widget["x"] + widget["width"] > COLUMNS for widget in widgets):
            yield f"{name} has more than {MOST_WIDGETS} widgets, or one beyond its {COLUMNS} columns"


RULES: tuple[Rule, ...] = (
    alarms_watch_one_thing,
    expressions_name_metrics_that_are_there,
    alarms_look_at_periods_that_there_are,
    alarms_have_names_of_their_own_and_few_actions,
    alarms_may_tell_their_topic,
    alarms_may_use_the_key_of_their_topic,
    dashboards_are_json_under_a_plain_name,
)
