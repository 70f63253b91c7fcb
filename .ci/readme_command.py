"""Print a command from the README, so that CI runs what the README says.

``python .ci/readme_command.py test`` prints the line of the code block under the heading that
holds the word.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
found = re.search(
    rf"^##[^\n]*{re.escape(sys.argv[1])}[^\n]*\n.*?```[^\n]*\n(.*?)\n```",
    readme,
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
if found is None:
    sys.exit(f"README.md has no command under a heading with {sys.argv[1]!r}")
print(" && ".join(found[1].splitlines()))
