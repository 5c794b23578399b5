"""Addresses of a reader's own choice of letters."""

from django.urls import path

from notifications import views

urlpatterns = [path("", views.my_letters, name="my_letters")]
