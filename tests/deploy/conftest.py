"""A deployment for all modules with the same `DEPLOYMENT_ENV`, and a browser before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import conftest as browser
from tests.deploy.deployment import Deployment

chromium, open_browser, sign_in = browser.chromium, browser.open_browser, browser.sign_in

Deployments = dict[tuple[tuple[str, str], ...], Deployment]


@pytest.fixture(scope="session")
def deployments() -> Iterator[Deployments]:
    """Those that run, by their settings."""
    running: Deployments = {}
    try:
        yield running
        for each in running.values():
            each.assert_quiet()
    finally:
        for each in running.values():
            each.stop()


@pytest.fixture(scope="module")
def deployment(request: pytest.FixtureRequest, deployments: Deployments) -> Deployment:
    """The module's deployment, its settings the module's `DEPLOYMENT_ENV`. Each test takes people of its own."""
    env: dict[str, str] = getattr(request.module, "DEPLOYMENT_ENV", {})
    key = tuple(sorted(env.items()))
    if key not in deployments:
        deployments[key] = Deployment(**env)
        deployments[key].start()
    return deployments[key]
