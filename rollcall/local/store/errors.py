"""What a person is told when the store cannot start, and what a client is told when it asks for something wrong."""


class StoreError(RuntimeError):
    """The store cannot be opened or read; the message is one line for a person."""
