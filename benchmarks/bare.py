"""The floor of the memory figure: a bare Django project with one view on the same database."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

import crm.settings as product

settings.configure(
    SECRET_KEY="benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="benchmarks.bare",
    DATABASES=product.DATABASES,
    USE_TZ=True,
)
django.setup()

from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def view(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_no, name FROM clients_client WHERE id <= 25")
        return HttpResponse(str(cursor.fetchall()))


urlpatterns = [path("", view)]
application = get_wsgi_application()
