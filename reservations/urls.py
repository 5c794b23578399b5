"""Addresses of a reader's own reservations."""

from django.urls import path

from reservations import views

urlpatterns = [
    path("", views.my_reservations, name="my_reservations"),
    path("place/", views.place, name="place_reservation"),
    path("<uuid:uid>/cancel/", views.cancel, name="cancel_reservation"),
    path("<uuid:uid>/suspend/", views.suspend, name="suspend_reservation"),
    path("<uuid:uid>/resume/", views.resume, name="resume_reservation"),
]
