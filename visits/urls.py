"""Addresses of visits."""

from django.urls import path

from visits import feeds
from visits.pages import cadence, days, plan, settings, visit, worker

app_name = "visits"

urlpatterns = [
    path("visits/", days.day, name="day"),
    path("visits/worker.js", worker.service_worker, name="worker"),
    path("visits/calendar/", days.calendar_page, name="calendar"),
    path("visits/plan/", plan.plan, name="plan"),
    path("visits/plan/<str:staff_no>/make/", plan.make, name="make-plan"),
    path("visits/plans/<int:plan_id>/accept/", plan.accept, name="accept-plan"),
    path("visits/coverage/", plan.coverage, name="coverage"),
    path("visits/duties/", plan.duty_list, name="duties"),
    path("visits/settings/", settings.own, name="settings"),
    path("visits/settings/feed/", settings.feed, name="make-feed"),
    path("visits/days/<str:staff_no>/order/", days.reorder, name="reorder"),
    path("visits/days/<str:staff_no>/busy/", days.busy, name="busy"),
    path("visits/busy/<int:busy_id>/remove/", days.free, name="free"),
    path("visits/<int:visit_id>/", visit.visit, name="visit"),
    path("visits/<int:visit_id>/move/", days.move, name="move"),
    path("visits/<int:visit_id>/undo/", days.undo, name="undo"),
    path("visits/<int:visit_id>/cancel/", visit.cancel, name="cancel"),
    path("visits/<int:visit_id>/check-in/", visit.check_in, name="check-in"),
    path("visits/photos/<int:photo_id>/", visit.photo, name="photo"),
    path("visits/kept/", visit.kept_day, name="kept"),
    path("visits/promises/<int:promise_id>/", visit.keep, name="keep"),
    path("clients/<str:client_no>/contact/", visit.contact, name="contact"),
    path("clients/<str:client_no>/contact/note/", visit.note, name="note"),
    path("clients/<str:client_no>/visits/new/", visit.new_visit, name="new"),
    path("clients/<str:client_no>/duties/<str:month>/<int:number>/waive/", visit.waive, name="waive"),
    path("policies/cadence/", cadence.cadence_policy, name="cadence"),
    path("policies/cadence/preview/", cadence.preview, name="cadence-preview"),
    path("policies/cadence/<int:version>/publish/", cadence.publish, name="cadence-publish"),
    path("policies/cadence/<int:version>/discard/", cadence.discard, name="cadence-discard"),
    path("calendar/<str:secret>.ics", feeds.calendar_feed, name="feed"),
]
