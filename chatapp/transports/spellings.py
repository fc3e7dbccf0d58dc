"""Each path with and without its trailing slash: the same answers, the same refusals, and nothing redirected."""

from __future__ import annotations

from flask import Flask


def answer_both(app: Flask) -> None:
    """Give every rule of `app` its twin. Call it when all are there.

    Werkzeug's own lenience (`strict_slashes=False`) forgets at the other spelling that the path exists, and answers
    404 where another method is allowed.
    """
    known = {rule.rule for rule in app.url_map.iter_rules()}
    for rule in list(app.url_map.iter_rules()):
        bare = rule.rule.rstrip("/")
        twin = bare if rule.rule.endswith("/") else f"{bare}/"
        if bare and twin not in known and "<path:" not in rule.rule:
            app.add_url_rule(
                twin,
                endpoint=rule.endpoint,
                methods=rule.methods,
                provide_automatic_options=getattr(rule, "provide_automatic_options", False),
            )
