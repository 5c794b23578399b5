"""Addresses of the catalogue."""

from django.urls import path

from catalog import book_views, search_views, sitemaps, views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", search_views.search, name="search"),
    path("suggestions/", search_views.suggestions, name="suggestions"),
    path("books/<uuid:uid>/", book_views.book, name="book"),
    path("books/<uuid:uid>/citation.ris", book_views.citation, {"ending": "ris"}, name="citation_ris"),
    path("books/<uuid:uid>/citation.bib", book_views.citation, {"ending": "bib"}, name="citation_bibtex"),
    path("authors/<int:pk>/", book_views.author, name="author"),
    path("photos/<uuid:uid>-<int:width>.webp", views.copy_photo, name="copy_photo"),
    path("covers/<uuid:uid>.svg", views.cover, name="cover"),
    path("covers/<uuid:uid>-<int:width>.webp", views.cover_image, name="cover_image"),
    path("robots.txt", sitemaps.robots, name="robots"),
    path("sitemap.xml", sitemaps.sitemap, name="sitemap"),
    path("sitemap-<slug:kind>-<int:number>.xml", sitemaps.sitemap_file, name="sitemap_file"),
]
