"""Settings of the property tests: an example may take as long as it takes, on a busy machine too."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
