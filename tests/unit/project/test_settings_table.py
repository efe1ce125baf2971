"""The page of all settings says what the settings are."""

import re

from infra.settings_table import HEADINGS, MORE, PAGE, page
from rollcall.pipeline.deployment_settings import Deployment


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "a setting has changed: run `python -m infra.settings_table`"


def test_every_setting_is_there_with_its_default_and_what_it_may_be() -> None:
    rows = re.findall(r"^- \*\*`(\w+)`\*\* \((.*?)\):\s(.+)", " ".join(page().split("\n  ")), re.MULTILINE)
    told = {name: (values, description) for name, values, description in rows}

    assert set(told) == set(Deployment.model_fields)
    assert told["min_face"][0] == "12 to 1,000; default `40`"
    assert told["threshold"][0] == "0.1 to 1.5"
    assert told["compute"][0] == "`lambda`, `fargate`; default `lambda`"
    assert told["alarm_email"][0] == "for example `ops@example.org`"
    assert told["input_days"][0] == "0 to 36,500; default `90`"
    assert all(description for _, description in told.values())
    assert set(MORE) <= set(told)


def test_every_heading_begins_with_a_setting() -> None:
    assert set(HEADINGS) <= set(Deployment.model_fields)
