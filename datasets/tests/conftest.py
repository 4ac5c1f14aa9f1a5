"""Hypothesis: few examples in the run of every day, many with `HYPOTHESIS_PROFILE=nightly`.

Each run draws examples of its own, so that many short runs cover what a long one does. There is no
deadline for an example: a busy machine is no failure.
"""

import os

from hypothesis import settings

settings.register_profile("everyday", deadline=None, max_examples=25)
settings.register_profile("nightly", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))
