"""Addresses of what readers do with their card and data."""

from django.urls import path

from readership import views

urlpatterns = [
    path("card/renew/", views.renew_my_card, name="renew_my_card"),
    path("history/keep/", views.choose_my_history, name="choose_my_history"),
    path("history/forget/", views.forget_my_history, name="forget_my_history"),
    path("data/", views.my_data, name="my_data"),
    path("data/ask/", views.ask_for_my_data, name="ask_for_my_data"),
    path("data/erase/", views.ask_to_be_erased, name="ask_to_be_erased"),
    path("data/stay/", views.stay, name="stay"),
    path("data/<uuid:uid>/", views.fetch_data, name="fetch_data"),
]
