"""The engine's numbers, read from `settings.json`, where each group says where they come from."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from model.chips import DenoisingSettings
from model.detector import DetectorSettings
from model.exposure import ExposureSettings, LevelSettings
from model.localizer import LocalizerSettings
from model.quality import QualitySettings
from model.second_look import SecondLookSettings


@dataclass(frozen=True, slots=True)
class EngineSettings:
    detector: DetectorSettings
    exposure: ExposureSettings
    second_look: SecondLookSettings
    levels: LevelSettings
    localizer: LocalizerSettings
    denoising: DenoisingSettings
    quality: QualitySettings
    embedder_batch: int
    faces_at_once: int


def load_settings() -> EngineSettings:
    shipped: dict[str, dict[str, Any]] = json.loads(
        resources.files("model").joinpath("settings.json").read_text(encoding="utf-8")
    )
    groups = {
        name: {setting: value for setting, value in group.items() if setting != "provenance"}
        for name, group in shipped.items()
    }
    return EngineSettings(
        detector=DetectorSettings(**groups["detector"]),
        exposure=ExposureSettings(**groups["exposure"]),
        second_look=SecondLookSettings(**groups["second_look"]),
        levels=LevelSettings(**groups["levels"]),
        localizer=LocalizerSettings(**groups["localizer"]),
        denoising=DenoisingSettings(**groups["chips"]),
        quality=QualitySettings(**groups["quality"]),
        embedder_batch=groups["embedder"]["batch"],
        faces_at_once=groups["memory"]["faces_at_once"],
    )
