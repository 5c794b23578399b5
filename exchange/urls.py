"""Addresses for other programs."""

from django.urls import path

from exchange import views

urlpatterns = [
    path("oai", views.oai_pmh, name="oai"),
    path("sru", views.sru_search, name="sru"),
    path("opensearch.xml", views.open_search, name="open_search"),
    path("new.atom", views.new_titles, name="new_titles"),
]
