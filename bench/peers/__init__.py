"""Other gateways on the same work as polegate; field and broker are the real servers of tests/fakes."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
