"""Addresses of the catalogue."""

from django.urls import path

from catalog import views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("books/<uuid:uid>/", views.book, name="book"),
    path("authors/<int:pk>/", views.author, name="author"),
    path("covers/<uuid:uid>.svg", views.cover, name="cover"),
    path("covers/<uuid:uid>-<int:width>.webp", views.cover_image, name="cover_image"),
]
