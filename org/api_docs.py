"""Description of the API: OpenAPI and its page, for whoever is signed in or carries a token."""

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from org.api_auth import DeclaredScope
from org.rights import ANYBODY

#: Every POST may carry it (`org.idempotency`).
ONCE: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same key and request within a day: the first answer again, nothing done twice",
}
#: What every error looks like.
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details. `errors` names the fields of a request that is not valid.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class Schema(SpectacularAPIView):
    """`GET /api/v1/schema/`: OpenAPI 3, as YAML or (`?format=json`) JSON."""

    right = ANYBODY
    permission_classes = [DeclaredScope]  # the library's own default lets anybody read it


class Docs(SpectacularSwaggerSplitView):
    """`GET /api/v1/docs/`: the same to read and try."""

    right = ANYBODY
    permission_classes = [DeclaredScope]
    url_name = "org:api_schema"
    # The library's own carries an inline style, which our content security policy refuses.
    template_name = "org/api_docs.html"


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Every operation may answer with a problem: says so once for each, after the library has made the description."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "A problem (RFC 9457): docs/api.md, Errors",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    _write_times_as_they_are(result)
    for path in result["paths"].values():
        for method, operation in path.items():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", answer)
                sent = operation.get("requestBody", {}).get("content", {})
                if method == "post" and not any(kind.startswith("multipart/") for kind in sent):
                    operation.setdefault("parameters", []).append(ONCE)
    return result


def _write_times_as_they_are(part: Any) -> None:
    """JSON Schema's `time` has an offset; a time of day in the branch has none."""
    if isinstance(part, list):
        for one in part:
            _write_times_as_they_are(one)
    elif isinstance(part, dict):
        if part.get("format") == "time":
            del part["format"]
            part["pattern"] = r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$"
        for one in part.values():
            _write_times_as_they_are(one)
