"""Addresses of the desk."""

from django.urls import path

from circulation import care_pages, desk, desk_offline, desk_undo, loss_pages, photo_pages

urlpatterns = [
    path("", desk.lend, name="desk"),
    path("reader/<uuid:uid>/", desk.lend, name="desk_reader"),
    path("reader/<uuid:uid>/photo/", photo_pages.photo, name="desk_photo"),
    path("reader/<uuid:uid>/photo/change/", photo_pages.change_photo, name="desk_change_photo"),
    path("scan/", desk.scan, name="desk_scan"),
    path("lend/", desk.lend_in_spite, name="desk_lend"),
    path("renew/", desk.renew_loans, name="desk_renew"),
    path("return/", desk.take_back, name="desk_return"),
    path("undo/", desk_undo.undo_step, name="desk_undo"),
    path("lost/<uuid:uid>/", loss_pages.lose, name="desk_lost"),
    path("claims/", care_pages.claims, name="desk_claims"),
    path("claims/<uuid:uid>/", care_pages.claim, name="desk_claim"),
    path("claims/<uuid:uid>/settle/", care_pages.settle, name="settle_claim"),
    path("damaged/", care_pages.damaged, name="desk_damaged"),
    path("damaged/<uuid:uid>/", care_pages.damage, name="desk_damage"),
    path("damaged/<uuid:uid>/repaired/", care_pages.repaired, name="desk_repaired"),
    path("readings/", care_pages.readings, name="desk_readings"),
    path("shell/", desk_offline.shell, name="desk_shell"),
    path("worker.js", desk_offline.worker, name="desk_worker"),
    path("branch/", desk.choose_branch, name="desk_branch"),
]
