"""Shared start of the atheris targets of the audit: ``python tests/fuzz/targets/audit_log.py -max_total_time=20``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

FUZZ = Path(__file__).parent.parent
sys.path.insert(0, str(FUZZ))


def run(name: str) -> None:
    """Fuzz the check of that name, beginning with its seeds."""
    import atheris

    with atheris.instrument_imports(include=["khue.cli.audit_file", "khue.model"]):
        from audit_checks import CHECKS, SEEDS

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / f"seed{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], CHECKS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit("run one of the audit_*.py beside this file")
