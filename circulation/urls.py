"""Addresses of a reader's own loans."""

from django.urls import path

from circulation import views

urlpatterns = [
    path("", views.my_loans, name="my_loans"),
    path("renew/", views.renew_mine, name="renew_mine"),
    path("history/", views.my_history, name="my_history"),
]
