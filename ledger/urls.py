"""URLs of the intake."""

from django.urls import path

from ledger import views

app_name = "ledger"

urlpatterns = [
    path("intake/", views.intake, name="intake"),
    path("intake/upload/", views.upload, name="upload"),
    path("intake/<int:pk>/", views.batch, name="batch"),
    path("intake/<int:pk>/undo/", views.undo, name="undo"),
    path("intake/<int:pk>/retry/", views.retry, name="retry"),
    path("intake/files/<int:pk>/rejects/", views.rejects, name="rejects"),
    path("intake/files/<int:pk>/rejects.csv", views.rejects_download, name="rejects-download"),
]
