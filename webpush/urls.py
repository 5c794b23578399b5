"""Addresses of a reader's browsers. The worker stands at the root, for from there it works for every page."""

from django.urls import path

from webpush import views

urlpatterns = [
    path("push-worker.js", views.worker, name="push_worker"),
    path("my/browsers/", views.subscribe, name="push_subscribe"),
    path("my/browsers/remove/", views.unsubscribe, name="push_unsubscribe"),
]
