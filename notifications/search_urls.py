"""Addresses of a reader's saved searches."""

from django.urls import path

from notifications import search_views

urlpatterns = [
    path("", search_views.my_searches, name="my_searches"),
    path("save/", search_views.save_search, name="save_search"),
    path("<uuid:uid>/rename/", search_views.rename_search, name="rename_search"),
    path("<uuid:uid>/delete/", search_views.delete_search, name="delete_search"),
]
