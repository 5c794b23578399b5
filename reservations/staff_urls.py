"""Addresses of the pages of staff; the list of all reservations is the panel's own."""

from django.urls import path

from reservations import staff_views

urlpatterns = [
    path("", staff_views.pick_list, name="pick_list"),
    path("shelf/", staff_views.hold_shelf, name="hold_shelf"),
    path("transfers/", staff_views.transfers, name="transfers"),
    path("scan/", staff_views.scan, name="reserved_scan"),
    path("release/<uuid:uid>/", staff_views.release, name="release_copy"),
    path("queue/<uuid:uid>/", staff_views.queue, name="queue"),
    path("queue/<uuid:uid>/reserve/", staff_views.reserve_for, name="reserve_for"),
    path("reservations/<uuid:uid>/cancel/", staff_views.cancel, name="staff_cancel_reservation"),
    path("reservations/<uuid:uid>/move/", staff_views.move, name="move_reservation"),
    path("reservations/<uuid:uid>/slip/", staff_views.reservation_slip, name="reservation_slip"),
    path("transfers/<uuid:uid>/slip/", staff_views.transfer_slip, name="transfer_slip"),
]
