"""`/healthz` and `/readyz`: for whoever runs the process. They say nothing about rooms or people."""

from __future__ import annotations

from chatapp.contract import answers
from chatapp.transports import process
from chatapp.transports.rest.endpoint import Answer, Resource, endpoint

blueprint = Resource("Health", description="Is this process well")


@endpoint(blueprint, "GET", "/healthz", gives=answers.HealthSchema, public=True)
def live() -> Answer:
    """The process answers"""
    return {"status": "ok"}


@endpoint(blueprint, "GET", "/readyz", gives=answers.HealthSchema, also=503, public=True)
def ready() -> Answer:
    """The process should get work; `degraded` is slower, not wrong"""
    state, reasons = process.readiness()
    return {"status": state, "reasons": list(reasons)}, 200 if state in process.SERVING else 503
