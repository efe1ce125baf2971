"""Events, and the rules that send them to queues."""
