"""Addresses of stocktakes; their list and the form that starts one are the panel's own."""

from django.urls import path

from stocktaking import views

urlpatterns = [
    path("<uuid:uid>/", views.scanning, name="stocktake"),
    path("<uuid:uid>/scan/", views.scan, name="stocktake_scan"),
    path("<uuid:uid>/upload/", views.upload, name="stocktake_upload"),
    path("<uuid:uid>/report/", views.report, name="stocktake_report"),
    path("<uuid:uid>/correct/", views.correct, name="stocktake_correct"),
    path("<uuid:uid>/undo/", views.undo, name="stocktake_undo"),
    path("<uuid:uid>/close/", views.close, name="stocktake_close"),
    path("<uuid:uid>/protocol/", views.protocol, name="stocktake_protocol"),
    path("<uuid:uid>/export/", views.export, name="stocktake_export"),
]
