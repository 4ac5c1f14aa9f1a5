"""What a person gets to see of a load, in short; for `bench.faults`."""

import re
import time
from html import unescape
from pathlib import Path
from uuid import UUID

from bench.fault_checks import SENTINEL
from bench.fault_parties import Answer, Process, Someone, ask
from datasets.models import Submission

LONG_LOAD = 60.0  # seconds after which nobody waits for a load's end any more
# of a form, of a load that failed, of one that was cancelled, of a page that is none
_ALERT = re.compile(
    r'<div class="notice bad" role="alert" tabindex.*?</ul>'
    r'|<div class="notice bad below" role="alert">.*?</strong>'
    r"|<p>(It was cancelled.*?)</p>"
    r'|<p role="alert">(.*?)</p>',
    re.DOTALL,
)


class Pages:
    """Pages of a web server that nothing befalls. Raises AssertionError for one with raw ids."""

    def __init__(self, web: Process, log: Path) -> None:
        self._web = web
        self._log = log

    def end_of(self, person: Someone, key: UUID) -> str:
        """Return what the page of a form's load says at the end, if it has one."""
        sent = Submission.objects.filter(key=key).exclude(state=Submission.State.DRAFT)
        return self.followed(person, page_of(key)) if sent.exists() else ""

    def followed(self, person: Someone, where: str) -> str:
        """Look at a load's page until it has ended, and return what it says then."""
        until = time.monotonic() + LONG_LOAD
        while time.monotonic() < until:
            answer = ask(self._web, person, where)
            if answer.status == 302 and "/receipt/" not in answer.location:
                return "sign in again"
            if answer.status == 302:
                receipt = ask(self._web, person, answer.location)
                return f"receipt{self._told(receipt)}" if receipt.status == 200 else "no receipt"
            said = self._told(answer)
            if said and answer.status == 200:  # others are of a database that is not there yet
                return said
            time.sleep(0.1)
        return f"nothing but {answer.status} for {LONG_LOAD:.0f} seconds"

    def said(self, answer: Answer) -> str:
        """Return what the answer to a form says, in short; empty where it leads to a load."""
        if not answer.status:
            return "no answer"
        if answer.status == 302:
            return "" if "/loads/" in answer.location else "sign in again"
        return f"{answer.status} {self._told(answer)}"

    def _told(self, answer: Answer) -> str:
        """Return what an error on a page says, in short; empty where there is none."""
        if SENTINEL in answer.page:
            raise AssertionError("a page shows a raw id")
        if answer.status == 500:
            raise AssertionError(self._log.read_text()[-3_000:])
        alert = _ALERT.search(answer.page)
        if alert is None:
            return ""
        fields = re.findall(r"<li>.*?</li>|<strong>.*?</strong>", alert[0], re.DOTALL)
        text = min(fields) if fields else alert[0]  # a field's own words first
        return " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split())


def page_of(key: UUID) -> str:
    """Return the address of the page of a form's load."""
    return f"/loads/{Submission.objects.get(key=key).pk}/"
