"""Addresses of the page of a user's chat, and of the webhook."""

from django.urls import path

from telegram import views

urlpatterns = [
    path("my/telegram/", views.my_telegram, name="my_telegram"),
    path("my/telegram/link/", views.link_chat, name="link_telegram"),
    path("my/telegram/unlink/", views.unlink_chat, name="unlink_telegram"),
    path("telegram/webhook/", views.webhook, name="telegram_webhook"),
]
