"""Rules for the package's folders and modules, so that its layout stays easy to enter."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted((ROOT / "rollcall").rglob("*.py"))
MOST_LINES = 400
MOST_MODULES = 25  # of a folder


def test_no_two_modules_have_one_name() -> None:
    names = Counter(path.stem for path in MODULES if not path.stem.startswith("__"))

    assert {name for name, times in names.items() if times > 1} == set()


def test_no_module_is_long_and_no_folder_is_crowded() -> None:
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    folders = Counter(path.parent for path in MODULES)

    assert [path for path, count in lines.items() if count > MOST_LINES] == []
    assert [folder for folder, count in folders.items() if count > MOST_MODULES] == []


def test_every_folder_says_what_it_is_for() -> None:
    silent = [path for path in MODULES if path.name == "__init__.py" and '"""' not in path.read_text(encoding="utf-8")]

    assert silent == []


def test_functions_holds_entry_points_alone() -> None:
    for path in (ROOT / "functions").rglob("*.py"):
        assert path.read_text(encoding="utf-8").count("\n") <= 12, path
