"""The engine's numbers, read from `settings.json`, where each group says where they come from."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from rollcall.engine.chips import DenoisingSettings
from rollcall.engine.covering import CoveringSettings
from rollcall.engine.detection.mtcnn import MtcnnSettings
from rollcall.engine.detection.second_look import SecondLookSettings
from rollcall.engine.detection.yunet_detector import SearchSettings, YunetSettings
from rollcall.engine.exposure import ExposureSettings, LevelSettings
from rollcall.engine.quality import QualitySettings
from rollcall.engine.variations import VariationSettings


@dataclass(frozen=True, slots=True)
class EngineSettings:
    yunet: YunetSettings
    mtcnn: MtcnnSettings
    exposure: ExposureSettings
    second_look: SecondLookSettings
    levels: LevelSettings
    denoising: DenoisingSettings
    variations: VariationSettings
    quality: QualitySettings
    covering: CoveringSettings
    embedder_batch: int
    faces_at_once: int


def load_settings() -> EngineSettings:
    shipped: dict[str, dict[str, Any]] = json.loads(
        resources.files("rollcall.engine").joinpath("settings.json").read_text(encoding="utf-8")
    )
    groups = {
        name: {setting: value for setting, value in group.items() if setting != "provenance"}
        for name, group in shipped.items()
    }
    return EngineSettings(
        yunet=_yunet(groups["yunet"]),
        mtcnn=MtcnnSettings(**groups["mtcnn"]),
        exposure=ExposureSettings(**groups["exposure"]),
        second_look=SecondLookSettings(**groups["second_look"]),
        levels=LevelSettings(**groups["levels"]),
        denoising=DenoisingSettings(**groups["chips"]),
        variations=VariationSettings(**groups["variations"]),
        quality=QualitySettings(**groups["quality"]),
        covering=CoveringSettings(**groups["covering"]),
        embedder_batch=groups["embedder"]["batch"],
        faces_at_once=groups["memory"]["faces_at_once"],
    )


def _yunet(group: dict[str, Any]) -> YunetSettings:
    searches = {kind: SearchSettings(**group[kind]) for kind in ("photo", "frame", "copies")}
    return YunetSettings(**group | searches)
