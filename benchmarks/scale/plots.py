"""Pictures of the outcomes, for who wants to look."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  (after the choice of the backend)
from matplotlib.figure import Figure  # noqa: E402

from benchmarks.scale.scenarios import title  # noqa: E402
from benchmarks.scale.simulation import Outcome  # noqa: E402

SIZE = (9, 5)  # inches


def plot_concurrency(outcome: Outcome, path: Path) -> None:
    """Busy environments of each function over time."""
    figure, axes = plt.subplots(figsize=SIZE)
    for name, record in outcome.stages.items():
        axes.step([time for time, _ in record.busy], [busy for _, busy in record.busy], where="post", label=name)
    axes.set(xlabel="seconds since the upload", ylabel="concurrent invocations", title=title(outcome))
    axes.legend(loc="upper left")
    _save(figure, path)


def plot_latencies(outcomes: list[Outcome], path: Path) -> None:
    """Share of the videos that are done, over time."""
    figure, axes = plt.subplots(figsize=SIZE)
    for outcome in outcomes:
        count = len(outcome.latencies)
        shares = [(number + 1) / count for number in range(count)]
        axes.step(outcome.latencies, shares, where="post", label=title(outcome))
    axes.set(xlabel="seconds from upload to result", ylabel="share of videos done", xscale="log")
    axes.legend(loc="upper left")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
