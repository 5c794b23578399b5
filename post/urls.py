"""Addresses of the panel's pages for letters on paper."""

from django.urls import path

from post import views

urlpatterns = [
    path("", views.overview, name="post"),
    path("gather/", views.gather, name="post_gather"),
    path("<uuid:uid>/", views.batch, name="post_batch"),
    path("<uuid:uid>/letters.pdf", views.letters, name="post_letters"),
    path("<uuid:uid>/posted/", views.posted, name="post_posted"),
    path("<uuid:uid>/take-apart/", views.take_apart, name="post_take_apart"),
]
