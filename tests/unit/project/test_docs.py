"""`make check` tells a link that leads nowhere, and a line or a sentence that is too long."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[3] / ".ci" / "check_docs.py"
GUIDE = "# Guide\n\n## Set `up`, again\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n"


def _told(root: Path, page: str) -> tuple[int, list[str]]:
    (root / "docs").mkdir()
    (root / "docs" / "guide.md").write_text(GUIDE)
    (root / "README.md").write_text(page)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    checked = subprocess.run([sys.executable, CHECK, str(root)], capture_output=True, text=True, check=False)
    return checked.returncode, checked.stderr.splitlines()


@pytest.mark.parametrize(
    "link",
    [
        "docs/guide.md",
        "docs/",
        "docs/guide.md#set-up-again",
        "docs/guide.md#twice-1",
        "#page",
        "https://example.org/none#where",
        "mailto:somebody@example.org",
    ],
)
def test_a_link_that_leads_somewhere_is_right(link: str, tmp_path: Path) -> None:
    assert _told(tmp_path, f"# Page\n\n[there]({link})\n") == (0, [])


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("docs/gone.md", "no such file in the repository"),
        ("/docs/guide.md", "no such file in the repository"),
        ("../outside.md", "no such file in the repository"),
        ("docs/guide.md#no-heading", "no such heading"),
        ("docs/#guide", "no such heading"),
        ("docs/guide.md#twice-2", "no such heading"),
        ("#elsewhere", "no such heading"),
    ],
)
@pytest.mark.parametrize("form", ["text [there]({link})", "![picture]({link})", "[there]: {link}"])
def test_a_link_that_leads_nowhere_is_told_with_its_line(link: str, wrong: str, form: str, tmp_path: Path) -> None:
    (tmp_path.parent / "outside.md").touch()

    assert _told(tmp_path, f"# Page\n\n{form.format(link=link)}\n") == (1, [f"README.md:3: {link}: {wrong}"])


def test_code_has_no_links_but_its_lines_have_a_length(tmp_path: Path) -> None:
    page = f"# Page\n\n`[no](link.md)`\n\n````\n```\n[no](link.md)\n````\n\n```\n{'x' * 141}\n```\n"

    assert _told(tmp_path, page) == (1, ["README.md:11: 141 columns; at most 140"])


def test_a_page_that_git_ignores_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("out/\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "page.md").write_text("[there](gone.md)\n")

    assert _told(tmp_path, "# Page\n\n[made](docs/guide.md)\n") == (0, [])


@pytest.mark.parametrize(
    "prose",
    [
        "so " * 25 + "`code of more words`.\n",
        "| " + "so " * 26 + "|\n|---|\n",
        "so " * 15 + "so: " + "so " * 15 + "\n",
        "- " + "so " * 15 + "\n- " + "so " * 15 + "\n",
    ],
    ids=["short enough", "a table", "a colon", "two items"],
)
def test_a_sentence_of_few_words_is_right(prose: str, tmp_path: Path) -> None:
    assert _told(tmp_path, f"# Page\n\n{prose}") == (0, [])


@pytest.mark.parametrize("start", ["", "- ", "Short. ", "[A link](docs/guide.md) and "])
def test_a_long_sentence_is_told_with_the_line_of_its_paragraph(start: str, tmp_path: Path) -> None:
    page = f"# Page\n\n{start}{'word ' * 13}\n{'word ' * 13}\nend. Short.\n"

    code, (line,) = _told(tmp_path, page)

    assert code == 1
    assert re.fullmatch(r"README\.md:3: a sentence of (27|30) words; at most 25", line)
