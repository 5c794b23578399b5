"""Addresses of the desk."""

from django.urls import path

from circulation import desk, loss_pages

urlpatterns = [
    path("", desk.lend, name="desk"),
    path("reader/<uuid:uid>/", desk.lend, name="desk_reader"),
    path("scan/", desk.scan, name="desk_scan"),
    path("lend/", desk.lend_in_spite, name="desk_lend"),
    path("renew/", desk.renew_loans, name="desk_renew"),
    path("return/", desk.take_back, name="desk_return"),
    path("lost/<uuid:uid>/", loss_pages.lose, name="desk_lost"),
    path("branch/", desk.choose_branch, name="desk_branch"),
]
