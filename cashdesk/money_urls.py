"""Addresses of a reader's money on the panel."""

from django.urls import path

from cashdesk import money_pages

urlpatterns = [
    path("<uuid:uid>/", money_pages.reader_money, name="reader_money"),
    path("<uuid:uid>/pay/", money_pages.take_payment, name="take_payment"),
    path("<uuid:uid>/charge/", money_pages.add_charge, name="add_charge"),
    path("<uuid:uid>/refund/", money_pages.give_refund, name="give_refund"),
    path("entries/<uuid:uid>/waive/", money_pages.waive_charge, name="waive_charge"),
    path("entries/<uuid:uid>/reverse/", money_pages.reverse_entry, name="reverse_entry"),
]
