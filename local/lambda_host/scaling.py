"""How many workers a function should have."""


def desired_workers(
    *, backlog: int, in_flight: int, idle_seconds: tuple[float, ...], ceiling: int, idle_timeout: float
) -> int:
    """`backlog`: batches that wait for a worker; `in_flight`: batches being worked on; `idle_seconds`: one per idle
    worker, the time since its last batch. A worker is kept warm for `idle_timeout`, and never more than `ceiling`."""
    needed = in_flight + backlog
    warm = in_flight + sum(seconds < idle_timeout for seconds in idle_seconds)
    return min(ceiling, max(needed, warm))
