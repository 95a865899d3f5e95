"""Of all tests: an example of a property has no deadline, on a busy machine too."""

from hypothesis import settings

settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
