"""Hypothesis with as many examples as the tests of datasets."""

import datasets.tests.conftest  # noqa: F401  (registers and loads the profile)
