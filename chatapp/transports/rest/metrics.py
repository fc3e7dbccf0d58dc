"""`/metrics` in Prometheus' form, for a scraper on this machine: to everybody else the path does not exist.

What is counted on the way of a message is in `chatapp.meters`; what can be read off the process is read when asked for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import accumulate

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from chatapp import meters
from chatapp.contract.errors import not_found
from chatapp.transports import process

blueprint = Blueprint("metrics", __name__)


class _Figures(Collector):
    """The process's figures at the moment of asking."""

    def collect(self) -> Iterable[Metric]:
        for name, (help_text, value) in process.figures().items():
            yield GaugeMetricFamily(f"chatapp_{name}", help_text, value)
        yield from map(_counter, meters.COUNTERS)
        yield from map(_histogram, meters.HISTOGRAMS)


def _counter(counter: meters.Counter) -> Metric:
    labels = [counter.label] if counter.label else []
    family = CounterMetricFamily(counter.name, counter.help_text, labels=labels)
    for value, count in list(counter.values.items()):
        family.add_metric([value] if labels else [], count)
    return family


def _histogram(histogram: meters.Histogram) -> Metric:
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(histogram.name, histogram.help_text, buckets, histogram.sum)


CONTENT_TYPE = CONTENT_TYPE_LATEST
_registry = CollectorRegistry(auto_describe=False)
_registry.register(_Figures())
ProcessCollector(registry=_registry)


@blueprint.get("/metrics")
def scrape() -> Response:
    """The figures, to a peer on this machine that is no proxy."""
    if not _is_local():
        raise not_found()
    return Response(exposition(), content_type=CONTENT_TYPE)


def exposition() -> bytes:
    """The figures as Prometheus reads them. In the app's context."""
    return generate_latest(_registry)


def _is_local() -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
