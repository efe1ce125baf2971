"""The page of all settings says what the settings are."""

from infra.settings import Deployment
from infra.settings_table import MORE, PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "a setting has changed: run `python -m infra.settings_table`"


def test_every_setting_is_there_with_its_default_and_what_it_may_be() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:5]] for line in page().splitlines() if line.startswith("| `")]
    told = {name.strip("`"): (default.strip("`"), values, description) for name, default, values, description in rows}

    assert set(told) == set(Deployment.model_fields)
    assert told["min_face"][:2] == ("40", "12 to 1,000")
    assert told["threshold"][:2] == ("", "over 0 to under 2")
    assert told["compute"][:2] == ("lambda", "`lambda`, `fargate`")
    assert told["alarm_email"][:2] == ("", "for example `ops@example.org`")
    assert told["input_days"][:2] == ("90", "0 to 36,500")
    assert all(description for _, _, description in told.values())
    assert set(MORE) <= set(told)
