"""What keeps a deployment from being built or made."""


class BadSettings(Exception):
    """Context that cannot be deployed; the message has one line for each setting that has to change."""


class FindingsLeft(Exception):
    """A rule is broken: one of cdk-nag, of which the CDK has printed the rest, or of ours, as the message says."""


class Refused(Exception):
    """The CDK cannot write the stack; the message is the first line of what it says."""


class NotReady(Exception):
    """The machine or the account lacks something; the message says what, and how to get it."""
