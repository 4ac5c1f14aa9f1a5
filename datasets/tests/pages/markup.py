"""What every page owes its readers, checked on its markup."""

from html.parser import HTMLParser

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
NAMED = {"input", "select", "textarea"}


class Markup(HTMLParser):
    """Collects what is wrong with a page; `whole` is False for a fragment."""

    def __init__(self, text: str, *, whole: bool = True) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.referred: set[str] = set()
        self.controls: list[dict[str, str]] = []
        self.headings: list[int] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        self._conclude(whole)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        have = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        if "style" in have or tag == "style":
            self.faults.append(f"inline style on <{tag}>")
        if tag == "script" and "src" not in have:
            self.faults.append("inline script")
        self.faults += [f"{name} on <{tag}>" for name in have if name.startswith("on")]
        if tag in ("link", "script", "img", "use"):
            target = have.get("href", have.get("src", ""))
            if target and not target.startswith(("/", "#")):
                self.faults.append(f"{target} is not ours")
        if "id" in have:
            self.ids.append(have["id"])
        if tag == "th" and "scope" not in have:
            self.faults.append("table head without scope")
        if tag == "label":
            self.labelled.add(have.get("for", ""))
        if tag in NAMED and have.get("type") != "hidden":
            self.controls.append(have | {"in label": "yes" if "label" in self.open else ""})
        for name in ("aria-labelledby", "aria-describedby"):
            self.referred.update(have.get(name, "").split())
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself, as SVG's do."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Check that elements close in order."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def _conclude(self, whole: bool) -> None:
        twice = {name for name in self.ids if self.ids.count(name) > 1}
        self.faults += [f"id {name} twice" for name in sorted(twice)]
        for control in self.controls:
            named = control.get("id") in self.labelled or control["in label"]
            if not named and "aria-label" not in control:
                self.faults.append(f"field {control.get('name')} without a label")
        if whole:
            missing = self.referred - set(self.ids)
            self.faults += [f"nothing has the id {name}" for name in sorted(missing)]
            if self.headings.count(1) != 1:
                self.faults.append(f"{self.headings.count(1)} first headings")
        self.faults += ["not closed: " + ", ".join(self.open)] if self.open else []


def faults(text: str, *, whole: bool = True) -> list[str]:
    """Return what is wrong with a page or fragment."""
    return Markup(text, whole=whole).faults
