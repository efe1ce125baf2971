"""Policies of resources, and rules of security groups."""

import json
import re
from collections.abc import Iterator
from typing import Any

from infra.rules.rule import Rule, Stack, rule

BUCKET = "AWS::S3::Bucket"
BUCKET_POLICY = "AWS::S3::BucketPolicy"
QUEUE = "AWS::SQS::Queue"
QUEUE_POLICY = "AWS::SQS::QueuePolicy"
TOPIC_POLICY = "AWS::SNS::TopicPolicy"
POLICY = "AWS::IAM::Policy"
EGRESS = "AWS::EC2::SecurityGroupEgress"
INGRESS = "AWS::EC2::SecurityGroupIngress"
GROUP = "AWS::EC2::SecurityGroup"
S3 = {"Service": "s3.amazonaws.com"}
LONGEST_BUCKET_POLICY = 20 * 1024  # bytes
LONGEST_ROLE_POLICIES = 10_240  # characters, of all inline policies of a role
MOST_STATEMENTS = 20
DESCRIPTION = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")


@rule("AmazonS3/latest/userguide/BucketRestrictions.html", BUCKET_POLICY, BUCKET)
def bucket_policies_are_about_their_bucket(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of(BUCKET_POLICY):
        bucket = stack.named(policy["Bucket"], BUCKET)
        for statement in policy["PolicyDocument"]["Statement"]:
            if stack.named(statement["Resource"]) != bucket:
                yield f"{name} speaks of what is not in its bucket"
        if len(_written(stack, policy["PolicyDocument"])) > LONGEST_BUCKET_POLICY:
            yield f"{name} is longer than {LONGEST_BUCKET_POLICY} bytes"


@rule("AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html", QUEUE_POLICY, QUEUE)
def queue_policies_are_about_their_queue(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of(QUEUE_POLICY):
        statements = policy["PolicyDocument"]["Statement"]
        if any(stack.named(statement["Resource"]) != stack.named(policy["Queues"]) for statement in statements):
            yield f"{name} speaks of another queue"
        if len(statements) > MOST_STATEMENTS:
            yield f"{name} has more than {MOST_STATEMENTS} statements"


@rule("AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html", QUEUE_POLICY, QUEUE, BUCKET)
def buckets_may_tell_their_queues(stack: Stack) -> Iterator[str]:
    """Buckets may send to the queues, and wait until they may: S3 sends when the notification is set up."""
    for name, bucket in stack.of(BUCKET):
        configurations = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", ())
        for queue in stack.named([entry["Queue"] for entry in configurations], QUEUE):
            policies = {
                policy
                for policy, each in stack.of(QUEUE_POLICY)
                if queue in stack.named(each["Queues"]) and _lets_buckets(each)
            }
            if not policies or not policies <= stack.waits_for(name):
                yield f"{name} tells {queue}, which does not let it, or not yet"


def _lets_buckets(policy: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Allow" and statement["Principal"] == S3 and statement["Action"] == "sqs:SendMessage"
        for statement in policy["PolicyDocument"]["Statement"]
    )


@rule("IAM/latest/UserGuide/confused-deputy.html", QUEUE_POLICY, TOPIC_POLICY)
def services_act_for_this_account_alone(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of(QUEUE_POLICY, TOPIC_POLICY):
        for statement in policy["PolicyDocument"]["Statement"]:
            conditions = {key for test in statement.get("Condition", {}).values() for key in test}
            if statement["Effect"] == "Allow" and not conditions & {"aws:SourceAccount", "aws:SourceArn"}:
                yield f"{name} lets {statement['Principal']} act for anybody"


@rule("IAM/latest/UserGuide/reference_iam-quotas.html", POLICY)
def policies_of_a_role_are_short_enough(stack: Stack) -> Iterator[str]:
    lengths: dict[str, int] = {}
    for _, policy in stack.of(POLICY):
        for role in stack.named(policy["Roles"]):
            lengths[role] = lengths.get(role, 0) + len(_written(stack, policy["PolicyDocument"]))
    for role, length in lengths.items():
        if length > LONGEST_ROLE_POLICIES:
            yield f"{role} has policies of {length} characters, more than {LONGEST_ROLE_POLICIES}"


@rule("AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html", EGRESS, INGRESS, GROUP)
def security_groups_are_described_in_plain_characters(stack: Stack) -> Iterator[str]:
    for name, group in stack.of(EGRESS, INGRESS, GROUP):
        inline = [*group.get("SecurityGroupEgress", ()), *group.get("SecurityGroupIngress", ())]
        described = [group.get("GroupDescription"), group.get("Description"), *(r.get("Description") for r in inline)]
        for description in filter(None, described):
            if not DESCRIPTION.fullmatch(stack.filled(description)):
                yield f"{name} is described by {description!r}, with a character that EC2 refuses"


@rule("AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupegress.html", EGRESS, INGRESS)
def security_group_rules_name_a_group_a_port_and_one_peer(stack: Stack) -> Iterator[str]:
    peers = {"CidrIp", "CidrIpv6", "DestinationSecurityGroupId", "DestinationPrefixListId"}
    peers |= {"SourceSecurityGroupId", "SourcePrefixListId"}
    for name, entry in stack.of(EGRESS, INGRESS):
        ported = entry["IpProtocol"] == "-1" or {"FromPort", "ToPort"} <= entry.keys()
        if not stack.named(entry.get("GroupId"), GROUP) or not ported or len(peers & entry.keys()) != 1:
            yield f"{name} needs a group, a port and one peer"


def _written(stack: Stack, document: Any) -> str:
    return json.dumps(stack.filled(document), separators=(",", ":"))


RULES: tuple[Rule, ...] = (
    bucket_policies_are_about_their_bucket,
    queue_policies_are_about_their_queue,
    buckets_may_tell_their_queues,
    services_act_for_this_account_alone,
    policies_of_a_role_are_short_enough,
    security_groups_are_described_in_plain_characters,
    security_group_rules_name_a_group_a_port_and_one_peer,
)
