"""Addresses of the pages on how identifying a dataset is."""

from django.urls import path

from privacy.pages import reports, views

app_name = "privacy"

_DATASET = "datasets/<uuid:dataset_id>/privacy/"
_REPORT = f"{_DATASET}reports/<uuid:report_id>/"

urlpatterns = [
    path(_DATASET, views.report, name="report"),
    path(f"{_DATASET}suggestions/", views.take_suggestions, name="suggestions"),
    path(f"{_DATASET}thresholds/", views.thresholds, name="thresholds"),
    path(f"{_DATASET}combinations/", views.combinations, name="combinations"),
    path(f"{_DATASET}taxa/", views.taxa, name="taxa"),
    path(f"{_DATASET}roles/", views.roles, name="roles"),
    path(f"{_DATASET}roles/pattern/", views.roles_by_pattern, name="pattern"),
    path(f"{_DATASET}reports/", reports.reports, name="reports"),
    path(_REPORT, reports.kept, name="kept"),
    path(f"{_REPORT}report.json", reports.kept_json, name="kept-json"),
    path(f"{_REPORT}delete/", reports.kept_delete, name="kept-delete"),
]
