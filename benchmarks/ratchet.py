"""Lists of what passes, kept in the repository: a test that passed once must go on passing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).parent / "ratchets"


class Ratchet:
    """The names, each `group/name`, that are known to pass; one line a group in `ratchets/NAME.txt`."""

    def __init__(self, name: str) -> None:
        self.path = DIRECTORY / f"{name}.txt"

    def passing(self) -> set[str]:
        if not self.path.exists():
            return set()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        split = (line.partition(": ") for line in lines)
        return {f"{group}/{name}" for group, _, names in split for name in names.split(" ")}

    def write(self, passing: Iterable[str]) -> None:
        groups: dict[str, list[str]] = defaultdict(list)
        for full in passing:
            group, _, name = full.partition("/")
            groups[group].append(name)
        lines = [f"{group}: {' '.join(sorted(names))}\n" for group, names in sorted(groups.items())]
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("".join(lines), encoding="utf-8")

    def report(self, passed: set[str], lost: set[str]) -> int:
        """Say what was lost and what is new; the check's exit status, 1 also where nothing is recorded to be lost."""
        if not self.path.exists():
            print(
                f"{len(passed)} passed, and there is no {self.path.name} to compare with: run with --update to make it"
            )
            return 1
        gained = passed - self.passing()
        for name in sorted(lost)[:100]:
            print(f"lost: {name}")
        if gained:
            print(f"{len(gained)} newly passing: run with --update to keep them")
        print(f"{len(passed)} passed, {len(lost)} failed")
        return 1 if lost else 0
