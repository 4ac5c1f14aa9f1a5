"""Addresses of the pages of datasets."""

from django.urls import path

from datasets import views
from datasets.browse import views as browsing
from datasets.correcting import views as correcting
from datasets.deleting.views import delete
from datasets.describing import views as describing
from datasets.exporting import views as exporting
from datasets.joining import views as joining
from datasets.linking.views import pseudonyms
from datasets.loading import views as loading
from datasets.preview.views import look
from datasets.versions.views import versions

app_name = "datasets"

urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("datasets/", views.dataset_list, name="list"),
    path("datasets/new/", views.upload, name="upload"),
    path("datasets/new/columns/", views.upload_columns, name="upload-columns"),
    path("datasets/<uuid:dataset_id>/", browsing.detail, name="detail"),
    path("datasets/<uuid:dataset_id>/columns/", browsing.columns, name="columns"),
    path("datasets/<uuid:dataset_id>/columns/names/", browsing.column_names, name="names"),
    path(
        "datasets/<uuid:dataset_id>/columns/<int:position>/",
        browsing.column_card,
        name="column",
    ),
    path("datasets/<uuid:dataset_id>/choose/", browsing.choose, name="choose"),
    path("datasets/<uuid:dataset_id>/receipt/", views.receipt, name="receipt"),
    path("datasets/<uuid:dataset_id>/activity/", views.activity, name="activity"),
    path("datasets/<uuid:dataset_id>/versions/", versions, name="versions"),
    path("datasets/<uuid:dataset_id>/join/", joining.join, name="join"),
    path(
        "datasets/<uuid:dataset_id>/join/<uuid:attachment_id>/take-off/",
        joining.detach,
        name="detach",
    ),
    path("datasets/<uuid:dataset_id>/history/", correcting.changes, name="history"),
    path("datasets/<uuid:dataset_id>/history/<uuid:change_id>/undo/", correcting.undo, name="undo"),
    path("datasets/<uuid:dataset_id>/rows/delete/", correcting.rows_deleted, name="delete-rows"),
    path("datasets/<uuid:dataset_id>/rows/<int:number>/", correcting.row, name="row"),
    path(
        "datasets/<uuid:dataset_id>/rows/<int:number>/<int:position>/",
        correcting.cell,
        name="cell",
    ),
    path("datasets/<uuid:dataset_id>/describe/", describing.describe, name="describe"),
    path(
        "datasets/<uuid:dataset_id>/describe/columns/",
        describing.describe_columns,
        name="describe-columns",
    ),
    path(
        "datasets/<uuid:dataset_id>/describe/dictionary/",
        describing.describe_by_dictionary,
        name="describe-by-dictionary",
    ),
    path(
        "datasets/<uuid:dataset_id>/dictionary.csv",
        describing.dictionary,
        {"form": "csv"},
        name="dictionary-csv",
    ),
    path(
        "datasets/<uuid:dataset_id>/dictionary.json",
        describing.dictionary,
        {"form": "json"},
        name="dictionary-json",
    ),
    path("datasets/<uuid:dataset_id>/export/", exporting.export, name="export"),
    path("datasets/<uuid:dataset_id>/delete/", delete, name="delete"),
    path("loads/", loading.loads, name="loads"),
    path("loads/<uuid:submission_id>/", loading.load, name="load"),
    path("loads/<uuid:submission_id>/preview/", look, name="preview"),
    path("loads/<uuid:submission_id>/cancel/", loading.load_cancel, name="load-cancel"),
    path("loads/<uuid:submission_id>/retry/", loading.load_retry, name="load-retry"),
    path("pseudonyms/", pseudonyms, name="pseudonyms"),
    path("search/", browsing.search, name="search"),
    path("search/sample/", browsing.search_sample, name="search-sample"),
]
