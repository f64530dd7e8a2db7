"""The documents say what is there: their paths exist, their links lead somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_the_concordance_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text().split("## Concordance")[1]
    named = re.findall(r"`(src/vswitch/[^`]*)`", text)
    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert broken == []


def test_unit_tests_are_of_modules_that_exist() -> None:
    orphans = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "unit").glob("**/test_*.py")
        if not (
            (
                module := ROOT
                / "src"
                / "vswitch"
                / path.parent.relative_to(ROOT / "tests" / "unit")
                / path.name[5:]
            ).exists()
            or module.with_suffix("").is_dir()
        )
    ]
    assert orphans == []


def test_the_feature_table_names_tests_that_exist() -> None:
    rows = [row for row in (ROOT / "docs" / "compat.md").read_text().splitlines() if row.count(" | ") == 5]
    backed = [row.split(" | ") for row in rows[1:]]
    assert len(backed) > 50
    assert [cells[1] for cells in backed if (cells[3] == "N") != ("`tests/" not in cells[5])] == []
    named = [path for row in rows for path in re.findall(r"`(tests/[^`]*)`", row)]
    assert [path for path in named if not (ROOT / path).exists()] == []
