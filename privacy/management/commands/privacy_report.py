"""Measure how identifying a dataset or a local file is."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from django.core.management.base import CommandError, CommandParser

from datasets.ingest.read import TableSource, open_table
from datasets.templatetags.fairdb import times
from fairdb_site.commands import FairdbCommand, Json, ProgressBar
from fairdb_site.errors import Refused
from privacy.chosen import Roles, Rules, names_at, places_in_population, roles_named
from privacy.measures.taxa import taxa_uniqueness
from privacy.measures.verdict import Check, Thresholds
from privacy.measuring import figures_of, report_of
from privacy.reading import (
    Progress,
    abundances_in,
    cells_coded,
    cells_matched,
    columns_read,
    markers_unnamed,
)

THRESHOLDS_MISSED = 3
_HINTS = 5  # about cells that look as if they were missing
_SHOWN_OF_A_COLUMN = ("alpha", "l_distinct", "l_entropy", "t", "beta", "delta")


class Command(FairdbCommand):
    """Measure how identifying a dataset or a local file is."""

    help = (
        "Measure how identifying DATASET or FILE is, given what others may know of a person "
        "(quasi-identifiers) and what they should not learn (sensitive columns). Exit code 0: all "
        "thresholds held; 3: one was missed. A FILE is read here alone: nothing of it is stored."
    )
    flags = {
        "delimiter": "--delimiter",
        "encoding": "--encoding",
        "id_column": "--id-column",
        "k": "--k",
        "l": "--l",
        "missing": "--missing-policy",
        "population": "--population-size",
        "population_table": "--population",
        "quasi_identifiers": "--quasi-identifiers",
        "risk": "--risk",
        "sensitive": "--sensitive",
        "sheet": "--sheet",
        "t": "--t",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the table, the roles of its columns, the thresholds, and how to read a file."""
        default = Thresholds()
        parser.add_argument("table", metavar="DATASET|FILE")
        parser.add_argument(
            "--quasi-identifiers",
            default="",
            metavar="A,B",
            help="labels or places such as #3, as a line of CSV; patterns such as age* too; "
            "default of a DATASET: the roles that its owner chose",
        )
        parser.add_argument("--sensitive", default="", metavar="D,E", help="likewise")
        parser.add_argument(
            "--id-column",
            default="",
            metavar="I",
            help="tells the persons, where one has many rows; default of a DATASET: its id",
        )
        for name, kind, says in (
            ("k", int, "rows or persons of a class, at least"),
            ("l", int, "values of a sensitive column in a class, at least"),
            ("t", float, "distance of a class from the table, at most"),
            ("risk", float, "chance to be identified, at most"),
        ):
            value = getattr(default, name)
            parser.add_argument(
                f"--{name}", type=kind, help=f"{says}; default: the dataset's, else {value}"
            )
        parser.add_argument(
            "--population",
            default="",
            metavar="FILE|DATASET",
            help="a table of the people that the rows are a sample of, for the journalist's risk: "
            "a file, or for a DATASET another of its owner's, with a column of the same label for "
            "every quasi-identifier",
        )
        parser.add_argument(
            "--population-size",
            type=int,
            metavar="N",
            help="how many people they are, where there is no table of them; default: the "
            "dataset's population, else the rows themselves",
        )
        parser.add_argument(
            "--missing-policy",
            choices=("own", "any", "drop"),
            help="a missing quasi-identifier is a value of its own (default, but for datasets with "
            "another), matches anything, or its row is left out",
        )
        parser.add_argument(
            "--missing",
            action="append",
            default=[],
            metavar="MARKER",
            help="of a file: cells that read so are missing, as empty ones are",
        )
        parser.add_argument(
            "--taxa",
            action="store_true",
            help="how many taxa single samples out as well; taxa are the columns of numbers from 0 "
            "on that have no role",
        )
        parser.add_argument("--delimiter", metavar="D")
        parser.add_argument("--encoding", metavar="E")
        parser.add_argument("--sheet", metavar="S", help="of a workbook: its name, or its number")
        parser.add_argument(
            "--owner", metavar="EMAIL", help="whose eyes to read with; default: the dataset's owner"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Report; exit code 3 where a threshold is missed."""
        super().handle(*args, **options)
        missed = [check for check in self.found.checks() if not check.held]
        if missed:
            raise CommandError(
                f"{times(len(missed), 'threshold')} missed.", returncode=THRESHOLDS_MISSED
            )

    def run(self, **options: Any) -> Json:
        """Measure the table."""
        # what cannot be met is refused before anything is read
        rules = _rules(Rules(), options)
        dataset = _dataset_named(options["table"])
        if dataset is None:
            return self._of_file(Path(options["table"]), rules, options)
        return self._of_dataset(dataset, options)

    def _of_dataset(self, dataset: UUID, options: dict[str, Any]) -> Json:
        from fairdb_site.embedded import start_if_embedded

        start_if_embedded()
        # needs a database, and what talks to accounts takes a second to import
        from accounts import audit
        from accounts.models import AuditAction
        from accounts.services import account_by_email
        from datasets.catalogue import dataset_facts
        from privacy.populations import PopulationFile
        from privacy.services import choices_kept, report_make, taxa_figures

        of_files = ["delimiter", "encoding", "sheet"]
        population = options["population"]
        if not population or _dataset_named(population):
            of_files.append("missing")
        for option in of_files:
            if options[option]:
                raise Refused(f"--{option} is about files; {dataset} is a dataset.")
        if options["owner"]:
            owner = account_by_email(options["owner"]).pk
        else:
            owner = dataset_facts(dataset)["owner_id"]
        kept = choices_kept(owner_id=owner, dataset_id=dataset)
        file = None
        if population and not _dataset_named(population):
            file = PopulationFile(population, _population_opened(population), options["missing"])
        made = report_make(
            owner_id=owner,
            dataset_id=dataset,
            roles=_roles(kept.labels, kept.roles, options),
            rules=_rules(kept.rules, options),
            kept=kept,
            population_file=file,
        )
        for read in filter(None, (dataset, made.rules.population_dataset)):
            audit.record(AuditAction.ROWS_READ, actor=None, subject=owner, dataset=read)
        self.found = made.report
        figures: dict[str, Any] = {"dataset": dataset, **made.figures}
        if options["taxa"]:
            figures["taxa"] = taxa_figures(owner_id=owner, made=made)
        return figures

    def _of_file(self, path: Path, rules: Rules, options: dict[str, Any]) -> Json:
        if options["owner"]:
            raise Refused("--owner is about datasets; a file has none.")
        if _dataset_named(options["population"]):
            raise Refused(
                "The population of a file is a file; a dataset has another's.",
                option="population_table",
            )
        table = _opened(
            path,
            delimiter=options["delimiter"],
            encoding=options["encoding"],
            sheet=options["sheet"],
        )
        roles = roles_named(
            table.file_header,
            quasi_identifiers=options["quasi_identifiers"],
            sensitive=options["sensitive"],
            id_column=options["id_column"],
        )
        people, places = None, {}
        if options["population"]:
            # what cannot be matched is refused before anything is read
            people = _population_opened(options["population"])
            places = places_in_population(
                table.file_header, roles.quasi_identifiers, people.file_header
            )
        markers = options["missing"]
        cells = self._read(table, path, roles.positions)
        columns = {
            place: cells_coded(series, as_ids=place == roles.id_position, markers=markers)
            for place, series in cells.items()
        }
        self._hint_at_markers(table.file_header, cells, markers)
        population = None
        if people:
            others = self._read(people, Path(options["population"]), list(places.values()))
            population = {
                place: cells_matched(cells[place], columns[place], others[there], markers=markers)
                for place, there in places.items()
            }
        names = names_at(table.file_header, roles.positions)
        self.found = report_of(
            columns, names=names, roles=roles, rules=rules, population=population
        )
        figures: dict[str, Any] = {"file": str(path), **figures_of(self.found)}
        if options["taxa"]:
            with self._read_of(path) as progress:
                values = abundances_in(table, roles.positions, missing=markers, progress=progress)
            figures["taxa"] = taxa_uniqueness(values).figures(values.shape[1])
        return figures

    def _read(
        self, table: TableSource, path: Path, positions: Sequence[int]
    ) -> dict[int, pl.Series]:
        with self._read_of(path) as progress:
            return columns_read(table, positions, progress=progress)

    @contextmanager
    def _read_of(self, path: Path) -> Iterator[Progress]:
        """Draw how much of a file was read; what the system cannot read is refused."""
        bar, size = ProgressBar(self.stderr._out), path.stat().st_size
        try:
            yield lambda done: bar("reading", done, size)
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}.") from None
        finally:
            bar.clear()

    def _hint_at_markers(
        self, header: Sequence[str], cells: Mapping[int, pl.Series], named: Sequence[str]
    ) -> None:
        """Say which cells look like missing values but are counted as values."""
        for place, marker, rows in markers_unnamed(cells, named)[:_HINTS]:
            label = names_at(header, [place])[place]
            self.stderr.write(
                f"{label}: {marker!r} in {times(rows, 'cell')} is counted as a value. If it means "
                f"missing, add --missing={shlex.quote(marker)}",
                style_func=str,
            )

    def report(self, result: Json) -> None:
        """Say the verdict, then the thresholds beside what was found, then the rest."""
        found = self.found
        checks = found.checks()
        missed = sum(not check.held for check in checks)
        self.stdout.write(
            f"{missed} of {times(len(checks), 'threshold')} missed."
            if missed
            else "All thresholds held."
        )
        for check in checks:
            self.stdout.write(_line_of(check))
        self.stdout.write(
            f"classes   {found.classes.count:,} of {times(found.rows, 'row')};"
            f" {times(found.classes.uniques, 'row')} alone"
        )
        self.stdout.write(
            f"risk      highest {found.prosecutor.highest:.4g}, average"
            f" {found.prosecutor.average:.4g}, rows above the threshold"
            f" {found.prosecutor.above:,}"
        )
        if found.population is not None:
            self.stdout.write(
                f"journalist highest {found.journalist.highest:.4g}, average"
                f" {found.journalist.average:.4g}, among {found.population:,}"
            )
        if found.persons is not None:
            self.stdout.write(
                f"persons   smallest class {found.persons.k:,};"
                f" {times(found.persons.uniques, 'person')} alone"
            )
        if found.p29 is not None:
            self.stdout.write(f"p29       {found.p29:.4g} (original), {found.p29_v2:.4g} (v2)")
        for name, models in found.columns.items():
            figures = asdict(models)
            said = ", ".join(f"{figure} {figures[figure]:.4g}" for figure in _SHOWN_OF_A_COLUMN)
            self.stdout.write(f"column    {name}: {said}")
        for share, needed in result.get("taxa", {}).get("needed", {}).items():
            said = ", ".join(f"{many or 'no number'} by {by}" for by, many in needed.items())
            self.stdout.write(f"taxa      {said} single out {float(share):.0%} of samples")
        for remark in found.remarks:
            self.stdout.write(f"remark    {remark}")


def _dataset_named(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _opened(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> TableSource:
    if not path.is_file():
        raise Refused(f"There is no file {path}.")
    try:
        return open_table(path, delimiter=delimiter, encoding=encoding, sheet=sheet)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None


def _population_opened(name: str) -> TableSource:
    try:
        return _opened(Path(name))
    except Refused as error:
        raise Refused(f"{name} is no population: {error.message}") from None


def _roles(labels: Sequence[str], kept: Roles, options: dict[str, Any]) -> Roles:
    """Return the roles named, else those kept; the dataset's id column where no other is named."""
    names = {name: options[name] for name in ("quasi_identifiers", "sensitive", "id_column")}
    if not any(names.values()):
        return kept
    roles = roles_named(labels, **names)
    if roles.id_position is None and kept.id_position not in roles.positions:
        return replace(roles, id_position=kept.id_position)
    return roles


def _rules(kept: Rules, options: dict[str, Any]) -> Rules:
    """Return the rules kept, but for what is named."""
    named = {name: options[name] for name in ("k", "l", "t", "risk") if options[name] is not None}
    table, size = options["population"], options["population_size"]
    if table and size is not None:
        raise Refused(
            "A population has a table or a size. Give one of both.", option="population_table"
        )
    rules = Rules(
        replace(kept.thresholds, **named),
        options["missing_policy"] or kept.missing,
        kept.population,
        kept.population_dataset,
    )
    if table or size is not None:
        return replace(rules, population=size, population_dataset=_dataset_named(table))
    return rules


def _line_of(check: Check) -> str:
    bound = "at least" if check.measure in {"k", "l"} else "at most"
    of = f" of {check.column}" if check.column else ""
    of = " over persons" if check.over == "persons" else of
    verdict = "held  " if check.held else "MISSED"
    return f"{verdict}    {check.measure} {check.found:.4g}, {bound} {check.threshold:g}{of}"
