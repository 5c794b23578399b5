"""Addresses of reports on the panel."""

from django.urls import path

from reports import pages

urlpatterns = [
    path("", pages.all_reports, name="reports"),
    path("<slug:key>/", pages.report_page, name="report"),
    path("<slug:key>/print/", pages.printed_report, name="report_print"),
    path("<slug:key>/file/", pages.report_file, name="report_file"),
]
