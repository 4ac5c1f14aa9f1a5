"""The check of where uploaded files are held while they are loaded."""

from collections.abc import Iterator

from django.conf import settings

from datasets.staging import storage_probe
from fairdb_site.doctor.finding import Finding


def examine_staging() -> Iterator[Finding]:
    """Staged files can be written, read back and removed: a file of 64 bytes is."""
    failed = storage_probe()
    if not failed:
        return
    staged = settings.STORAGES["staged"]
    if staged["BACKEND"] == "django.core.files.storage.FileSystemStorage":
        folder = staged["OPTIONS"].get("location", "its folder")
        mend = (
            f"Let the user who serves (and runs this) make, read and remove files in {folder}, "
            "or name another folder in FAIRDB_STAGING_DIR."
        )
    else:
        mend = (
            "Check FAIRDB_STAGING_STORAGE and FAIRDB_STAGING_OPTIONS, and that its credentials "
            "allow this."
        )
    yield Finding("staged files", f"They cannot be {failed}, so no upload can be loaded.", mend)
