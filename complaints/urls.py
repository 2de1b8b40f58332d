"""URLs of complaints. Fixed words come before numbers, which begin with TS."""

from django.urls import path

from complaints.pages import analysis, case, files, letters, policy, public, queue

app_name = "complaints"

urlpatterns = [
    path("complaints/", queue.ComplaintList.as_view(), name="list"),
    path("complaints/board/", queue.board, name="board"),
    path("complaints/new/", queue.new, name="new"),
    path("complaints/export/", queue.ComplaintExport.as_view(), name="export"),
    path("complaints/views/", queue.ComplaintViews.as_view(), name="views"),
    path("complaints/analysis/", analysis.overview, name="analysis"),
    path("complaints/analysis/causes.json", analysis.causes, name="causes"),
    path("complaints/links/", public.links, name="links"),
    path("complaints/policy/", policy.policy, name="policy"),
    path("complaints/policy/<int:version>/", policy.draft, name="policy-draft"),
    path("complaints/policy/<int:version>/preview/", policy.preview, name="policy-preview"),
    path("complaints/policy/<int:version>/discard/", policy.discard, name="policy-discard"),
    path("complaints/ledger/", analysis.ledger, name="ledger"),
    path("complaints/<str:number>/", case.case, name="case"),
    path("complaints/<str:number>/act/<slug:key>/", case.act, name="act"),
    path("complaints/<str:number>/ask/<int:days>/", public.ask, name="ask"),
    path("complaints/<str:number>/papers/", files.attach, name="attach"),
    path("complaints/<str:number>/evidence/", files.pack, name="evidence"),
    path("complaints/<str:number>/intakes/", case.again, name="again"),
    path("complaints/<str:number>/letters/", letters.letter, name="letter"),
    path("complaints/<str:number>/papers/<int:attachment_id>/", files.paper, name="paper"),
    path("complaints/<str:number>/follow-up/<int:days>/", case.follow_up, name="follow-up"),
    # Without a log-in.
    path("tell-us/<str:token>/", public.form, name="public"),
    path("your-opinion/<str:token>/", public.satisfaction, name="satisfaction"),
]
