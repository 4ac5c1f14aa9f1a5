"""A cell as a form has it: what is typed for it, and how one knows that it is as it was seen."""

import hashlib

MISSING_MARK = "-"
_MARK = 16  # hex digits


def as_typed(text: str | None, data_type: str) -> str:
    """Return what a field holds for a stored value; empty where it is missing."""
    if text is None:
        return ""
    if data_type == "boolean":
        return {"t": "true", "f": "false"}.get(text, text)
    return text


def as_stored(typed: str) -> str | None:
    """Return the value that a field means: None where it is empty.

    Browsers send the ends of lines as CR LF, whatever they were.
    """
    return typed.replace("\r\n", "\n").replace("\r", "\n") or None


def is_same(typed: str, stored: str | None, data_type: str) -> bool:
    """Whether a field was left as it was."""
    return as_stored(typed) == as_stored(as_typed(stored, data_type))


def mark_of(stored: str | None) -> str:
    """Return what a form carries along to tell whether a value is still the one that was seen."""
    if stored is None:
        return MISSING_MARK
    return hashlib.sha256(stored.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
