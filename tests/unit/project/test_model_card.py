"""The model card tells the rates that results tell, and names every network that is built."""

import json
from pathlib import Path

import pytest

from benchmarks.accuracy.pages import BEGIN, CALIBRATION, CARD, CHOOSE, END, card, put
from rollcall.contracts.embedder_kinds import EMBEDDERS


def test_the_card_tells_the_rates_of_the_calibration() -> None:
    text = CARD.read_text(encoding="utf-8")

    assert f"{BEGIN.format(CHOOSE)}\n{card()}\n{END}" in text, "run python -m benchmarks.accuracy.choose with --write"
    shipped = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    assert all(f"`{embedder}`" in card() for embedder in shipped)
    assert set(shipped) == set(EMBEDDERS)


@pytest.mark.parametrize("network", ["YuNet", "P-Net, R-Net, O-Net", "dlib's ResNet", "SFace", "InceptionResnetV1"])
def test_the_card_names_each_network_with_its_license(network: str) -> None:
    rows = [line for line in CARD.read_text(encoding="utf-8").splitlines() if line.startswith("|") and network in line]

    assert any(license in row for row in rows for license in ("MIT", "CC0", "Apache-2.0", "not clear"))


def test_what_is_measured_replaces_what_was(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN.format('it')}old\n{END}after\n")

    put(page, "it", "new\n")
    put(page, "it", "newer\n")

    assert page.read_text() == f"before\n{BEGIN.format('it')}\nnewer\n\n{END}after\n"
    page.write_text("no marks")
    with pytest.raises(SystemExit, match=r"page\.md: expected the lines"):
        put(page, "it", "new")
