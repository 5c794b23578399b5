"""Addresses of the account pages that allauth does not bring."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.profile, name="profile"),
    path("edit/", views.edit_profile, name="edit_profile"),
    path("appearance/", views.set_theme, name="set_theme"),
]
