"""URLs of the nights and of My day."""

from datetime import date

from django.urls import path, register_converter

from nights import home, views


class DateConverter:
    """A business date as YYYY-MM-DD; anything else is not found."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        return value if isinstance(value, str) else value.isoformat()


register_converter(DateConverter, "night_date")

app_name = "nights"

urlpatterns = [
    path("nights/", views.night_list, name="list"),
    path("nights/start/", views.night_start, name="start"),
    path("nights/<night_date:day>/", views.night, name="night"),
    path("nights/<night_date:day>/again/", views.night_again, name="again"),
    path("nights/<night_date:day>/release/", views.night_release, name="release"),
    path("nights/<night_date:day>/cancel/", views.night_cancel, name="cancel"),
    path("notices/read/", home.notices_read, name="notices-read"),
]
