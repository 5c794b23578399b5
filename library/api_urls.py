"""Addresses of the API, version 1, and its description."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from accounts import auth_api
from accounts.api import ReaderViewSet, StaffViewSet
from cashdesk.api import BalanceView, ChargeViewSet, PaymentViewSet
from catalog.api import AuthorViewSet, BookViewSet, CopyViewSet, SuggestionsView
from circulation.api import LoanViewSet
from circulation.care_api import CopyCareViewSet
from circulation.closing_api import ClosingViewSet
from library.core.api import NotFound
from lookup.api import IsbnView
from notifications.api import MyLettersView, MyNoticeViewSet
from policies.api import BranchViewSet, ItemTypeViewSet, ReaderCategoryViewSet
from readership.api import (
    DataFileViewSet,
    EraseReaderView,
    ForgetMyHistoryView,
    MyCardView,
    MyErasureView,
    MyHistoryView,
    ReaderMergeViewSet,
)
from reports.api import ReportsView, ReportView
from reports.visits_api import VisitsView
from reservations.api import ReservationViewSet
from stocktaking.api import StocktakeViewSet

MANY: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update"}

v1: list[URLPattern | URLResolver] = [
    path("auth/register/", auth_api.RegisterView.as_view(), name="register"),
    path("auth/login/", auth_api.LoginView.as_view(), name="login"),
    path("auth/refresh/", auth_api.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", auth_api.LogoutView.as_view(), name="logout"),
    path("auth/me/", auth_api.MeView.as_view(), name="me"),
    path("auth/me/renew-card/", MyCardView.as_view(), name="renew-my-card"),
    path("auth/me/letters/", MyNoticeViewSet.as_view({"get": "list"}), name="my-letters"),
    path("auth/me/letters/preferences/", MyLettersView.as_view(), name="my-letter-preferences"),
    path("auth/me/history/", MyHistoryView.as_view(), name="my-history"),
    path("auth/me/history/forget/", ForgetMyHistoryView.as_view(), name="forget-my-history"),
    path("auth/me/erasure/", MyErasureView.as_view(), name="my-erasure"),
    path("data-files/", DataFileViewSet.as_view(MANY), name="data-files"),
    path("data-files/<uuid:uid>/", DataFileViewSet.as_view({"get": "fetch"}), name="data-file"),
    path("readers/<uuid:uid>/data-files/", DataFileViewSet.as_view({"post": "create_for"}), name="reader-data-files"),
    path("readers/<uuid:uid>/erase/", EraseReaderView.as_view(), name="erase-reader"),
    path("auth/password/", auth_api.PasswordView.as_view(), name="password"),
    path("books/", BookViewSet.as_view(MANY), name="books"),
    path("books/<uuid:uid>/", BookViewSet.as_view(ONE | {"delete": "destroy"}), name="book"),
    path("books/<uuid:uid>/volumes/", BookViewSet.as_view({"get": "volumes"}), name="volumes"),
    path("suggestions/", SuggestionsView.as_view(), name="suggestions"),
    path("copies/", CopyViewSet.as_view(MANY), name="copies"),
    path("copies/<uuid:uid>/", CopyViewSet.as_view(ONE), name="copy"),
    path("isbn/<str:isbn>/", IsbnView.as_view(), name="isbn"),
    path("authors/", AuthorViewSet.as_view(MANY), name="authors"),
    path("authors/<int:pk>/", AuthorViewSet.as_view(ONE | {"delete": "destroy"}), name="author"),
    path("readers/", ReaderViewSet.as_view(MANY), name="readers"),
    path("readers/<uuid:uid>/", ReaderViewSet.as_view(ONE), name="reader"),
    path("readers/<uuid:uid>/renew-card/", ReaderViewSet.as_view({"post": "renew_card"}), name="renew-card"),
    path("readers/<uuid:uid>/replace-card/", ReaderViewSet.as_view({"post": "replace_card"}), name="replace-card"),
    path("readers/<uuid:uid>/report-card-lost/", ReaderViewSet.as_view({"post": "report_card_lost"}), name="card-lost"),
    path("readers/<uuid:uid>/blocks/", ReaderViewSet.as_view({"post": "block"}), name="block"),
    path("readers/<uuid:uid>/blocks/<int:block>/lift/", ReaderViewSet.as_view({"post": "lift_block"}), name="lift"),
    path("reader-merges/", ReaderMergeViewSet.as_view(MANY), name="reader-merges"),
    path("reader-merges/<int:pk>/undo/", ReaderMergeViewSet.as_view({"post": "undo"}), name="reader-merge-undo"),
    path("staff/", StaffViewSet.as_view(MANY), name="staff"),
    path("staff/<uuid:uid>/", StaffViewSet.as_view({"get": "retrieve"}), name="staff-member"),
    path("staff/<uuid:uid>/role/", StaffViewSet.as_view({"post": "set_role"}), name="set-role"),
    path("staff/<uuid:uid>/deactivate/", StaffViewSet.as_view({"post": "deactivate"}), name="deactivate"),
    path("staff/<uuid:uid>/activate/", StaffViewSet.as_view({"post": "activate"}), name="activate"),
    path("loans/", LoanViewSet.as_view(MANY), name="loans"),
    path("loans/preview/", LoanViewSet.as_view({"post": "preview"}), name="loan-preview"),
    path("loans/return/", LoanViewSet.as_view({"post": "return_by_scan"}), name="return"),
    path("loans/<uuid:uid>/", LoanViewSet.as_view({"get": "retrieve"}), name="loan"),
    path("loans/<uuid:uid>/renew/", LoanViewSet.as_view({"post": "renew"}), name="loan-renew"),
    path("loans/<uuid:uid>/undo/", LoanViewSet.as_view({"post": "undo"}), name="loan-undo"),
    path("loans/<uuid:uid>/declare-lost/", LoanViewSet.as_view({"post": "declare_lost"}), name="loan-lost"),
    path("loans/<uuid:uid>/claim-returned/", LoanViewSet.as_view({"post": "claim_returned"}), name="loan-claim"),
    path("loans/<uuid:uid>/withdraw-claim/", LoanViewSet.as_view({"post": "withdraw_claim"}), name="loan-unclaim"),
    path("copies/<uuid:uid>/damage/", CopyCareViewSet.as_view({"post": "damage"}), name="copy-damage"),
    path("copies/<uuid:uid>/repair/", CopyCareViewSet.as_view({"post": "repair"}), name="copy-repair"),
    path("copies/<uuid:uid>/readings/", CopyCareViewSet.as_view({"get": "readings"}), name="copy-readings"),
    path("closings/", ClosingViewSet.as_view({"get": "list", "post": "create"}), name="closings"),
    path("closings/<uuid:uid>/", ClosingViewSet.as_view({"get": "retrieve"}), name="closing"),
    path("closings/<uuid:uid>/undo/", ClosingViewSet.as_view({"post": "undo"}), name="closing-undo"),
    path("loans/<uuid:uid>/return/", LoanViewSet.as_view({"post": "return_copy"}), name="loan-return"),
    path("charges/", ChargeViewSet.as_view(MANY), name="charges"),
    path("charges/<uuid:uid>/", ChargeViewSet.as_view({"get": "retrieve"}), name="charge"),
    path("charges/<uuid:uid>/waive/", ChargeViewSet.as_view({"post": "waive"}), name="waive"),
    path("charges/<uuid:uid>/reverse/", ChargeViewSet.as_view({"post": "reverse"}), name="charge-reverse"),
    path("payments/", PaymentViewSet.as_view(MANY), name="payments"),
    path("payments/<uuid:uid>/", PaymentViewSet.as_view({"get": "retrieve"}), name="payment"),
    path("payments/<uuid:uid>/reverse/", PaymentViewSet.as_view({"post": "reverse"}), name="payment-reverse"),
    path("refunds/", PaymentViewSet.as_view({"post": "refund"}), name="refunds"),
    path("readers/<uuid:uid>/balance/", BalanceView.as_view(), name="balance"),
    path("reservations/", ReservationViewSet.as_view(MANY), name="reservations"),
    path("reservations/<uuid:uid>/", ReservationViewSet.as_view({"get": "retrieve"}), name="reservation"),
    path("reservations/<uuid:uid>/cancel/", ReservationViewSet.as_view({"post": "cancel"}), name="reservation-cancel"),
    path("reservations/<uuid:uid>/suspend/", ReservationViewSet.as_view({"post": "suspend"}), name="suspend"),
    path("reservations/<uuid:uid>/resume/", ReservationViewSet.as_view({"post": "resume"}), name="resume"),
    path("reservations/<uuid:uid>/move/", ReservationViewSet.as_view({"post": "move"}), name="move"),
    path("stocktakes/", StocktakeViewSet.as_view({"get": "list"}), name="stocktakes"),
    path("stocktakes/<uuid:uid>/", StocktakeViewSet.as_view({"get": "retrieve"}), name="stocktake"),
    path("stocktakes/<uuid:uid>/scans/", StocktakeViewSet.as_view({"post": "scan"}), name="stocktake-scans"),
    path("visits/", VisitsView.as_view(), name="visits"),
    path("reports/", ReportsView.as_view(), name="reports"),
    path("reports/<slug:key>/", ReportView.as_view(), name="report"),
    path("branches/", BranchViewSet.as_view({"get": "list"}), name="branches"),
    path("reader-categories/", ReaderCategoryViewSet.as_view({"get": "list"}), name="reader-categories"),
    path("item-types/", ItemTypeViewSet.as_view({"get": "list"}), name="item-types"),
]

urlpatterns = [
    path("v1/", include((v1, "api"))),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(), name="api-docs"),
    path("redoc/", SpectacularRedocView.as_view(), name="api-redoc"),
    re_path("", NotFound.as_view(), name="api-not-found"),
]
