"""What must hold for any text somebody sends as a file of the regulation: a version, or what is wrong with it; nothing else."""

from __future__ import annotations

from collections.abc import Callable

from khue.model.regulation.comparing import compare
from khue.model.regulation.deciding import run_cases
from khue.model.regulation.reading import FILES, RegulationError, packaged_files, read

PACKAGED = packaged_files()
_READ = read(PACKAGED)


def check_of(name: str) -> Callable[[bytes], None]:
    """One file is what the bytes say, the others are the packaged ones."""

    def check(data: bytes) -> None:
        files = {**PACKAGED, name: data.decode("utf-8", "replace")}
        try:
            made = read(files)
        except RegulationError as error:
            assert error.problems and all(": " in problem and len(problem) < 2000 for problem in error.problems)
            return
        compare(_READ, made)
        assert len(list(run_cases(made))) == len(made.cases)

    return check


CHECKS = {f"regulation_{name.removesuffix('.toml')}": check_of(name) for name in FILES}
SEEDS = {f"regulation_{name.removesuffix('.toml')}": [PACKAGED[name].encode()] for name in FILES}
