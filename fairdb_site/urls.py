"""The platform's addresses."""

from django.contrib import admin
from django.urls import include, path

from fairdb_site import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("", include("datasets.urls")),
    path("", include("privacy.urls")),
]

handler400 = "fairdb_site.reports.bad_request"
handler500 = "fairdb_site.reports.server_error"
