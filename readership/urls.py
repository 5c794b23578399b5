"""Addresses of what readers do with their card and data."""

from django.urls import path

from readership import views

urlpatterns = [
    path("card/renew/", views.renew_my_card, name="renew_my_card"),
]
