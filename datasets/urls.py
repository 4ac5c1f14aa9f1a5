"""Addresses of the pages of datasets."""

from django.urls import path

from datasets import views
from datasets.linking.views import pseudonyms

app_name = "datasets"

urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("datasets/", views.dataset_list, name="list"),
    path("datasets/new/", views.upload, name="upload"),
    path("datasets/new/columns/", views.upload_columns, name="upload-columns"),
    path("datasets/<uuid:dataset_id>/", views.detail, name="detail"),
    path("datasets/<uuid:dataset_id>/columns/", views.columns, name="columns"),
    path("datasets/<uuid:dataset_id>/columns/names/", views.column_names, name="names"),
    path("datasets/<uuid:dataset_id>/choose/", views.choose, name="choose"),
    path("datasets/<uuid:dataset_id>/receipt/", views.receipt, name="receipt"),
    path("datasets/<uuid:dataset_id>/activity/", views.activity, name="activity"),
    path("datasets/<uuid:dataset_id>/delete/", views.delete, name="delete"),
    path("pseudonyms/", pseudonyms, name="pseudonyms"),
    path("search/", views.search, name="search"),
]
