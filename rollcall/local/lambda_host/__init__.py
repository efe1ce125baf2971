"""Functions as processes of this machine, fed from their queues."""
