import pytest

from functions.common.enrolment import NotEnrolled, normal_name


@pytest.mark.parametrize("name", ["unknown", "Unknown", "unknown-1", "UNKNOWN-12", "no-face", "..", " ", "a/b", "a\nb"])
def test_names_that_results_use_or_files_cannot_have_are_refused(name: str) -> None:
    with pytest.raises(NotEnrolled):
        normal_name(name)


@pytest.mark.parametrize("name", ["Ann", "unknown soldier", "unknown-x", "Zoë", "李雷"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert normal_name(name) == name


def test_an_accent_is_stored_in_one_form_however_it_was_typed() -> None:
    assert normal_name("Zoe\u0308") == "Zo\u00eb"
