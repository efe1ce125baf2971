"""Errors that keep a deployment from being built or made."""


class BadSettings(Exception):
    """Context that cannot be deployed; the message has one line for each setting that has to change."""


class FindingsLeft(Exception):
    """A rule of cdk-nag or of ours is broken. The message says which; the CDK has printed the rest of cdk-nag's."""


class Refused(Exception):
    """The CDK cannot write the stack; the message is the first line of what it says."""


class NotReady(Exception):
    """The machine or the account lacks something; the message says what, and how to get it."""
