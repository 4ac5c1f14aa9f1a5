import re
import tomllib
from pathlib import Path

from django.conf import settings

from anonymization.hierarchies.layout import imported
from anonymization.hierarchies.named import hierarchy_for
from anonymization.tests.hierarchies.columns import column

CELLS = {
    "age": ["17", "40"],
    "weight": ["61.5"],
    "seen": ["2024-03-05"],
    "born": ["1990-01-01"],
    "postcode": ["12345"],
}


def test_what_the_documentation_shows_can_be_built() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "hierarchies.md").read_text()

    blocks = re.findall(r"```toml\n(.+?)```", text, re.DOTALL)
    for block in blocks:
        for name, facts in tomllib.loads(block)["columns"].items():
            read = column(CELLS.get(name, ["SE", "never"]))
            assert hierarchy_for(facts["hierarchy"], read, label=name).levels > 1
    assert len(blocks) >= 7
    (file,) = re.findall(r"```csv\n(.+?)```", text, re.DOTALL)
    assert imported(file.encode()).hierarchy.levels == 4
