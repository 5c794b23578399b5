"""Addresses of look-ups, on the panel."""

from django.urls import path

from lookup import copying_views, isbn_views

urlpatterns = [
    path("isbn/", isbn_views.isbn, name="lookup_isbn"),
    path("isbn/<str:isbn>/cover/", isbn_views.cover_picture, name="lookup_cover"),
    path("other-catalogues/", copying_views.catalogues, name="copy_catalogues"),
    path("other-catalogues/<str:key>/", copying_views.record, name="copy_record"),
]
