"""Addresses of a reader's own letters; the link in letters stands in `library.urls`."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("", views.my_letters, name="my_letters"),
    path("sent/", views.my_sent_letters, name="my_sent_letters"),
    path("sent/<uuid:uid>/", views.my_sent_letter, name="my_sent_letter"),
    path("off/<str:token>/", views.unsubscribe_view, name="unsubscribe"),
]
