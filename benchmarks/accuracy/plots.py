"""The curves, for those who want to see instead of read. Needs matplotlib: the project's `bench` extra."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmarks.accuracy.verification import PairDistances
from rollcall.people.rates import error_curve

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402 - the backend has to be chosen first

LEAST_RATE = 1e-5


def plot_all(folder: Path, pairs: dict[str, PairDistances], report: dict[str, Any], *, threshold: float) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    made = [_histograms(folder, name, found, threshold) for name, found in pairs.items()]
    made.append(_errors(folder, pairs, threshold))
    rank_1 = {name: row["rank_1"] for name, row in report["verification"].items() if "rank_1" in row}  # not of pairs
    made.append(_bars(folder, "rank_1", rank_1, "nearest other photo is the same person's (rank 1), %"))
    made.append(_bars(folder, "recall", report["detection"]["by_size"], "faces found, %"))
    conditions = report["open_set"]["one_photo_enrolled"]
    for measure in ("lost", "strangers_named"):
        made.append(_bars(folder, measure, {name: row[measure] for name, row in conditions.items()}, f"{measure}, %"))
    return made


def _histograms(folder: Path, name: str, found: PairDistances, threshold: float) -> Path:
    figure, axes = plt.subplots(figsize=(8, 4))
    edges = np.linspace(0, 1.3, 66).tolist()
    axes.hist(found.different, edges, density=True, alpha=0.6, label=f"different people ({len(found.different)} pairs)")
    axes.hist(found.same, edges, density=True, alpha=0.6, label=f"same person ({len(found.same)} pairs)")
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:g}")
    axes.set(xlabel="distance", ylabel="density", title=name)
    axes.legend()
    return _save(figure, folder / f"distances-{name.replace(' ', '-')}.png")


def _errors(folder: Path, pairs: dict[str, PairDistances], threshold: float) -> Path:
    figure, (roc, det) = plt.subplots(1, 2, figsize=(11, 4.5))
    for name, found in pairs.items():
        thresholds, matches, non_matches = error_curve(found.same, found.different)
        shipped = int(np.searchsorted(thresholds, threshold, side="right")) - 1
        roc.semilogx(np.maximum(matches, LEAST_RATE), 1 - non_matches, label=name)
        det.loglog(np.maximum(matches, LEAST_RATE), np.maximum(non_matches, LEAST_RATE), label=name)
        det.plot(max(matches[shipped], LEAST_RATE), max(non_matches[shipped], LEAST_RATE), "ko")
    roc.set(xlabel="false match rate", ylabel="true match rate", title="ROC")
    det.set(xlabel="false match rate", ylabel="false non-match rate", title="DET, the shipped threshold marked")
    for axes in (roc, det):
        axes.grid(alpha=0.3)
        axes.legend()
    return _save(figure, folder / "roc-det.png")


def _bars(folder: Path, name: str, rates: dict[str, dict[str, Any]], label: str) -> Path:
    shown = {row: rate for row, rate in rates.items() if rate["share"] is not None}
    shares = np.array([rate["share"] for rate in shown.values()]) * 100
    intervals = np.array([rate["interval"] for rate in shown.values()]).T * 100
    figure, axes = plt.subplots(figsize=(8, 0.35 * len(shown) + 1.2))
    axes.barh(list(shown), shares, xerr=np.abs(intervals - shares), capsize=2, alpha=0.7)
    axes.invert_yaxis()
    axes.set(xlabel=f"{label} (95 % interval)")
    return _save(figure, folder / f"{name.replace('_', '-')}.png")


def _save(figure: Any, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
