"""All measures once more, by definition: lists and dictionaries, every row beside every other.

Written from the papers and the issue, with nothing of `privacy.measures` in it. None is missing.
"""

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import Any

Row = tuple[Any, ...]
ONE = Fraction(1)


def match(one: Row, other: Row, policy: str) -> bool:
    if policy != "any":
        return one == other
    return all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))


class Oracle:
    """A table: rows of quasi-identifiers, sensitive columns by name, who each row is of."""

    def __init__(
        self,
        quasi: list[Row],
        sensitive: dict[str, list[Any]],
        persons: list[Any] | None = None,
        policy: str = "own",
    ) -> None:
        self.kept = [i for i, row in enumerate(quasi) if policy != "drop" or None not in row]
        self.quasi = [quasi[i] for i in self.kept]
        self.sensitive = {name: [c[i] for i in self.kept] for name, c in sensitive.items()}
        self.persons = [persons[i] for i in self.kept] if persons is not None else None
        self.policy = policy
        self.near = [
            [j for j, other in enumerate(self.quasi) if match(row, other, policy)]
            for row in self.quasi
        ]
        firsts = {row: i for i, row in reversed(list(enumerate(self.quasi)))}
        self.firsts = sorted(firsts.values())  # a row of each class

    @property
    def rows(self) -> int:
        return len(self.quasi)

    @property
    def sizes(self) -> list[int]:
        return [len(near) for near in self.near]

    def person_counts(self) -> list[int]:
        """Of every row, how many persons match it."""
        assert self.persons is not None
        return [len({self.persons[j] for j in near}) for near in self.near]

    def person_risks(self) -> list[Fraction]:
        assert self.persons is not None
        counts = self.person_counts()
        best: dict[Any, int] = {}
        for person, count in zip(self.persons, counts, strict=True):
            best[person] = min(count, best.get(person, count))
        return [Fraction(1, count) for count in best.values()]

    def risks(self, population: list[Row] | None = None) -> list[Fraction]:
        if population is None:
            return [Fraction(1, size) for size in self.sizes]
        if self.policy == "drop":
            population = [row for row in population if None not in row]
        return [
            Fraction(1, max(size, sum(match(row, other, self.policy) for other in population)))
            for row, size in zip(self.quasi, self.sizes, strict=True)
        ]

    def shares(self, name: str) -> tuple[dict[Any, Fraction], list[dict[Any, Fraction]]]:
        """Of every value its share of the table, and of every class."""
        column = self.sensitive[name]
        p = {value: Fraction(n, self.rows) for value, n in Counter(column).items()}
        q = []
        for first in self.firsts:
            near = self.near[first]
            counts = Counter(column[j] for j in near)
            q.append({value: Fraction(counts[value], len(near)) for value in p})
        return p, q

    def alpha(self, name: str) -> Fraction:
        return max(max(q.values()) for q in self.shares(name)[1])

    def l_distinct(self, name: str) -> int:
        return min(sum(share > 0 for share in q.values()) for q in self.shares(name)[1])

    def entropies(self, name: str) -> list[float]:
        return [-sum(float(s) * math.log(s) for s in q.values() if s) for q in self.shares(name)[1]]

    def l_entropy(self, name: str) -> int:
        """The largest whole l with entropy >= ln l in every class, in whole numbers throughout.

        Of n rows with counts c, e to the entropy is n over the product of c ** (c / n).
        """
        column, found = self.sensitive[name], []
        for first in self.firsts:
            counts = Counter(column[j] for j in self.near[first]).values()
            n, product = sum(counts), math.prod(c**c for c in counts)
            found.append(max(l for l in range(1, n + 1) if n**n >= l**n * product))  # noqa: E741
        return min(found)

    def normalized(self, name: str) -> list[float]:
        many = len(set(self.sensitive[name]))
        return [e / math.log(many) if many > 1 else 0.0 for e in self.entropies(name)]

    def recursive_c(self, name: str, l: int, *, ascending: bool = False) -> int | None:  # noqa: E741
        """The smallest whole c; `ascending` sorts the wrong way round, as pycanon does."""
        if l < 2:
            return None
        worst = 0
        for q in self.shares(name)[1]:
            r = sorted((share for share in q.values() if share), reverse=not ascending)
            c = next(c for c in itertools.count(1) if r[0] < c * sum(r[l - 1 :]))
            worst = max(worst, c)
        return worst

    def beta(self, name: str) -> Fraction:
        p, classes = self.shares(name)
        return max((q[v] - p[v]) / p[v] for q in classes for v in p)

    def beta_enhanced(self, name: str) -> float:
        p, _ = self.shares(name)
        return max(min(float(self.beta(name)), -math.log(p[v])) for v in p)

    def beta_enhanced_exact(self, name: str) -> float | None:
        p, classes = self.shares(name)
        beta = float(self.beta(name))
        kept = all(
            (q[v] - p[v]) / p[v] <= min(beta, -math.log(p[v])) + 1e-9 for q in classes for v in p
        )
        return beta if kept else None

    def delta(self, name: str) -> float:
        p, classes = self.shares(name)
        return max(abs(math.log(q[v] / p[v])) for q in classes for v in p if q[v])

    def equal_distances(self, name: str) -> list[Fraction]:
        p, classes = self.shares(name)
        return [sum((abs(q[v] - p[v]) for v in p), Fraction()) / 2 for q in classes]

    def ordered_distances(self, name: str) -> list[Fraction]:
        p, classes = self.shares(name)
        numbers = sorted(value for value in p if value is not None)
        lacking = p.get(None, Fraction())
        found = []
        for q in classes:
            lacks = q.get(None, Fraction())
            moved = Fraction()
            if lacks < 1 and len(numbers) > 1:
                cumulative = Fraction()
                for value in numbers:
                    cumulative += q[value] / (1 - lacks) - p[value] / (1 - lacking)
                    moved += abs(cumulative)
                moved /= len(numbers) - 1
            found.append(abs(lacks - lacking) + min(1 - lacks, 1 - lacking) * moved)
        return found

    def p29(self) -> float:
        k = min(self.sizes)
        entropies = [self.normalized(name) for name in self.sensitive]
        distances = [self.equal_distances(name) for name in self.sensitive]
        if k == 1 or any(e < 1e-12 for column in entropies for e in column):
            return 0.0
        if any(t > Fraction(1, 2) for column in distances for t in column):
            return 0.0
        means = []
        for column in distances:
            low, high = min(column), max(column)
            span = high - low or 1
            means.append(sum((t - low) / span for t in column) / len(column))
        entropy = sum(sum(c) / len(c) for c in entropies) / len(entropies)
        return 0.5 * (1 - 1 / k) + 0.25 * entropy + 0.25 * (1 - float(sum(means)) / len(means))


def minimal_uniques(rows: list[Row], largest: int) -> list[list[tuple[int, ...]]]:
    """Of every row, the smallest sets of columns in which it is alone."""
    many = len(rows[0])
    found: list[list[tuple[int, ...]]] = [[] for _ in rows]
    for size in range(1, largest + 1):
        for places in itertools.combinations(range(many), size):
            counts = Counter(tuple(row[p] for p in places) for row in rows)
            for row, minimal in zip(rows, found, strict=True):
                alone = counts[tuple(row[p] for p in places)] == 1
                if alone and not any(set(part) < set(places) for part in minimal):
                    minimal.append(places)
    return found
