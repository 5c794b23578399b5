"""Addresses of reports on the panel."""

from django.urls import path

from reports import form6nk_pages, letters, pages, saved_pages
from reports.builder import pages as builder

urlpatterns = [
    path("", pages.all_reports, name="reports"),
    path("saved/<uuid:uid>/", saved_pages.open_saved, name="saved_report"),
    path("saved/<uuid:uid>/delete/", saved_pages.delete_saved, name="delete_saved_report"),
    path("saved/<uuid:uid>/schedule/", saved_pages.schedule, name="report_schedule"),
    path("saved/<uuid:uid>/stop/", saved_pages.stop, name="report_stop"),
    path("overdue/letters/", letters.overdue_letters, name="overdue_letters"),
    path("form-6nk/", form6nk_pages.form_page, name="form6nk"),
    path("visits/", form6nk_pages.visits_page, name="visits"),
    path("builder/", builder.builder, name="built_reports"),
    path("builder/<uuid:uid>/", builder.open_built, name="built_report"),
    path("builder/<uuid:uid>/delete/", builder.delete_built_report, name="delete_built_report"),
    path("builder/<slug:subject>/", builder.build, name="build_report"),
    path("builder/<slug:subject>/file/", builder.built_file, name="built_file"),
    path("builder/<slug:subject>/save/", builder.keep_built, name="keep_built"),
    path("<slug:key>/", pages.report_page, name="report"),
    path("<slug:key>/print/", pages.printed_report, name="report_print"),
    path("<slug:key>/save/", saved_pages.save, name="save_report"),
    path("<slug:key>/file/", pages.report_file, name="report_file"),
]
