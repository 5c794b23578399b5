"""Addresses of reports on the panel."""

from django.urls import path

from reports import letters, pages, saved_pages

urlpatterns = [
    path("", pages.all_reports, name="reports"),
    path("saved/<uuid:uid>/", saved_pages.open_saved, name="saved_report"),
    path("saved/<uuid:uid>/delete/", saved_pages.delete_saved, name="delete_saved_report"),
    path("saved/<uuid:uid>/schedule/", saved_pages.schedule, name="report_schedule"),
    path("saved/<uuid:uid>/stop/", saved_pages.stop, name="report_stop"),
    path("overdue/letters/", letters.overdue_letters, name="overdue_letters"),
    path("<slug:key>/", pages.report_page, name="report"),
    path("<slug:key>/print/", pages.printed_report, name="report_print"),
    path("<slug:key>/save/", saved_pages.save, name="save_report"),
    path("<slug:key>/file/", pages.report_file, name="report_file"),
]
