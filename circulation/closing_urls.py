"""Addresses of the pages that move due dates off closed days."""

from django.urls import path

from circulation import closing_pages

urlpatterns = [
    path("", closing_pages.closings_made, name="closings_made"),
    path("day/<int:pk>/", closing_pages.of_day, name="closing_of_day"),
    path("preview/", closing_pages.look, name="closing_preview"),
    path("<uuid:uid>/", closing_pages.closing, name="closing_page"),
    path("<uuid:uid>/undo/", closing_pages.undo, name="undo_closing"),
]
