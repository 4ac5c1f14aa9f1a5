"""What pycanon says of tables, as JSON: the other side of `bench.privacy`.

pycanon pins versions of NumPy and pandas of its own, so it runs in an environment of its own:

    uv run --no-project --with pycanon==1.3.6 python bench/pycanon_side.py random 1000
    uv run --no-project --with pycanon==1.3.6 python bench/pycanon_side.py csv FILE DELIMITER \\
        QUASI,IDENTIFIERS SENSITIVE
"""

import json
import math
import random
import sys
import time
from typing import Any


def random_table(seed: int) -> dict[str, dict[str, list[Any]]]:
    """Return the columns of a small table: quasi-identifiers p.., sensitive `word` and `number`."""
    draw = random.Random(seed)
    rows = draw.randint(2, 40)
    quasi = {
        name: [draw.choice("abcde"[: 1 + seed % 5]) for _ in range(rows)]
        for name in "pqrs"[: draw.randint(1, 4)]
    }
    words, numbers = "vwxyz"[: draw.randint(2, 5)], draw.sample(range(-20, 20), draw.randint(2, 9))
    sensitive = {
        "word": [draw.choice(words) for _ in range(rows - 2)],
        "number": [draw.choice(numbers) for _ in range(rows - 2)],
    }
    # two values at least: of a constant number pycanon's t divides by 0
    sensitive["word"] += words[:2]
    sensitive["number"] += numbers[:2]
    return {"quasi": quasi, "sensitive": sensitive}


def models(data: Any, quasi: list[str], sensitive: list[str]) -> dict[str, dict[str, Any]]:
    """Return pycanon's models of one sensitive column, or several together, and their seconds."""
    from pycanon import anonymity

    asked = {
        "k": lambda: anonymity.k_anonymity(data, quasi),
        "alpha": lambda: anonymity.alpha_k_anonymity(data, quasi, sensitive)[0],
        "l_distinct": lambda: anonymity.l_diversity(data, quasi, sensitive),
        "l_entropy": lambda: anonymity.entropy_l_diversity(data, quasi, sensitive),
        "l_recursive_c": lambda: anonymity.recursive_c_l_diversity(data, quasi, sensitive)[0],
        "beta": lambda: anonymity.basic_beta_likeness(data, quasi, sensitive),
        "beta_enhanced": lambda: anonymity.enhanced_beta_likeness(data, quasi, sensitive),
        "t": lambda: anonymity.t_closeness(data, quasi, sensitive),
        "delta": lambda: anonymity.delta_disclosure(data, quasi, sensitive),
    }
    found, seconds = {}, {}
    for name, ask in asked.items():
        started = time.perf_counter()
        figure = float(ask())
        seconds[name] = time.perf_counter() - started
        found[name] = None if math.isnan(figure) else figure  # its c is NaN where l is 1
    return {"found": found, "seconds": seconds}


def of_random(seed: int) -> dict[str, Any]:
    """Return a random table and what pycanon says of each sensitive column, and of both."""
    import pandas as pd

    table = random_table(seed)
    data = pd.DataFrame({**table["quasi"], **table["sensitive"]})
    quasi = list(table["quasi"])
    asked = {"word": ["word"], "number": ["number"], "both": ["word", "number"]}
    said = {name: models(data, quasi, columns)["found"] for name, columns in asked.items()}
    return {"seed": seed, **table, "said": said}


def of_csv(path: str, delimiter: str, quasi: str, sensitive: str) -> dict[str, Any]:
    """Return what pycanon says of a file."""
    import pandas as pd

    data = pd.read_csv(path, sep=delimiter)
    return models(data, quasi.split(","), [sensitive])


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    if what == "random":
        json.dump([of_random(seed) for seed in range(int(given[0]))], sys.stdout)
    else:
        json.dump(of_csv(*given), sys.stdout)
