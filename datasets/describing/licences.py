"""Licences that a dataset may be under, by their identifiers (https://spdx.org/licenses/)."""

# Made for data or works, and well known; software's are left out. Any other may be written.
LICENCES = {
    "CC0-1.0": "CC0 1.0: no rights reserved",
    "CC-BY-4.0": "CC BY 4.0: name its authors",
    "CC-BY-SA-4.0": "CC BY-SA 4.0: name its authors, share alike",
    "CC-BY-NC-4.0": "CC BY-NC 4.0: name its authors, nothing commercial",
    "CC-BY-NC-SA-4.0": "CC BY-NC-SA 4.0: the same, share alike",
    "CC-BY-ND-4.0": "CC BY-ND 4.0: name its authors, change nothing",
    "CC-BY-NC-ND-4.0": "CC BY-NC-ND 4.0: the same, nothing commercial",
    "ODC-By-1.0": "ODC-By 1.0: data, name its source",
    "ODbL-1.0": "ODbL 1.0: data, name its source, share alike",
    "PDDL-1.0": "PDDL 1.0: data in the public domain",
    "CDLA-Permissive-2.0": "CDLA Permissive 2.0: data, keep the licence",
    "CDLA-Sharing-1.0": "CDLA Sharing 1.0: data, share alike",
}
