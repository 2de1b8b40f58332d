"""Description of the API: OpenAPI and its page, for whoever is signed in or carries a token."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from org.api_auth import DeclaredScope
from org.rights import ANYBODY


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
