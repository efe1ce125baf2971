"""Real clients of AWS, each in a process of its own, against the store as `rollcall up` runs it."""
