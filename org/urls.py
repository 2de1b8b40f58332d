"""Pages of the organisation, the switches of the frame, the description of the API."""

from django.urls import path

from org.api_docs import Docs, Schema
from org.pages import access, days, own, staff

app_name = "org"
urlpatterns = [
    path("settings/", own.own_settings, name="settings"),
    path("settings/language/", own.language, name="language"),
    path("settings/theme/", own.theme, name="theme"),
    path("settings/session/", own.session, name="session"),
    path("policies/calendar/", days.calendar_page, name="calendar"),
    path("staff/", staff.staff, name="staff"),
    path("staff/<str:staff_no>/", staff.record, name="staff_record"),
    path("staff/<str:staff_no>/leave/<int:leave_id>/end/", staff.end_leave, name="leave_end"),
    path("staff/<str:staff_no>/link/", staff.link, name="login_link"),
    path("staff/<str:staff_no>/login/", staff.switch_login, name="login_switch"),
    path("grants/", access.grants, name="grants"),
    path("grants/<int:grant_id>/end/", access.end_grant, name="grant_end"),
    path("tokens/", access.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", access.end_token, name="token_revoke"),
    path("audit/", access.trail, name="audit"),
    path("api/v1/schema/", Schema.as_view(), name="api_schema"),
    path("api/v1/docs/", Docs.as_view(), name="api_docs"),
]
