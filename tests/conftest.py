"""Settings of hypothesis for all tests: the machines are shared, so no example has a deadline."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("shared machine")
