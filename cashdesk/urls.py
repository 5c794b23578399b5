"""Addresses of a reader's own money."""

from django.urls import path

from cashdesk import views

urlpatterns = [
    path("my/charges/", views.my_charges, name="my_charges"),
    path("receipts/<uuid:uid>/", views.receipt, name="receipt"),
]
