"""Errors that keep a deployment from being built or made."""

from rollcall.contracts.errors import RollcallError


class BadSettings(RollcallError):
    """Context that cannot be deployed; the message has one line for each setting that has to change."""


class FindingsLeft(RollcallError):
    """A rule of cdk-nag or of ours is broken. The message says which; the CDK has printed the rest of cdk-nag's."""


class Refused(RollcallError):
    """The CDK cannot write the stack; the message is the first line of what it says."""


class NotReady(RollcallError):
    """The machine or the account lacks something; the message says what, and how to get it."""
