"""Who may open what: every address of the resolver for every role, against one table that is read line by line.

An address that stands in no table fails the test: add its line. `in` lets in (whatever the form then says), `login`
asks to sign in (a redirect, or 401), `no` forbids (403), `hidden` says there is no such thing (404).
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from http.cookies import SimpleCookie
from uuid import uuid4

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

import cashdesk.actions
from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderBlockFactory, ReaderFactory, UserFactory
from cashdesk.models import Kind, Method
from catalog.tests.factories import CopyFactory
from circulation.models import Closing
from circulation.tests.factories import LoanFactory
from library.core.api import ApiView, Limit
from policies.tests.factories import (
    BranchFactory,
    ClosedDayFactory,
    DefaultRuleFactory,
    ItemTypeFactory,
    ReaderCategoryFactory,
)
from readership.data_files import ask_for_data, make
from reservations.tests.factories import ReservationFactory
from stocktaking.models import Stocktake

pytestmark = pytest.mark.django_db
ROLES = ("stranger", "reader", "librarian", "admin")

ADDRESSES = r"""
GET     {none}                                            in     in     in     in
GET     search/                                           in     in     in     in
GET     suggestions/                                      in     in     in     in
GET     books/<uuid:uid>/                                 in     in     in     in
GET     books/<uuid:uid>/citation.ris                     in     in     in     in
GET     books/<uuid:uid>/citation.bib                     in     in     in     in
GET     authors/<int:pk>/                                 in     in     in     in
GET     photos/<uuid:uid>-<int:width>.webp                hidden hidden hidden hidden
GET     covers/<uuid:uid>.svg                             in     in     in     in
GET     covers/<uuid:uid>-<int:width>.webp                hidden hidden hidden hidden
GET     robots.txt                                        in     in     in     in
GET     sitemap.xml                                       in     in     in     in
GET     sitemap-<slug:kind>-<int:number>.xml              hidden hidden hidden hidden
GET     oai                                               in     in     in     in
GET     sru                                               in     in     in     in
GET     opensearch.xml                                    in     in     in     in
GET     new.atom                                          in     in     in     in
GET     my/                                               login  in     in     in
POST    my/renew/                                         login  in     hidden hidden
GET     my/letters/                                       login  in     in     in
GET     my/letters/sent/                                  login  in     in     in
GET     my/letters/sent/<uuid:uid>/                       login  hidden hidden hidden
GET     my/letters/off/<str:token>/                       hidden hidden hidden hidden
POST    my/letters/off/<str:token>/                       hidden hidden hidden hidden
GET     my/searches/                                      login  in     in     in
POST    my/searches/save/                                 login  in     hidden hidden
POST    my/searches/<uuid:uid>/rename/                    login  hidden hidden hidden
POST    my/searches/<uuid:uid>/delete/                    login  in     hidden hidden
GET     my/telegram/                                      login  in     in     in
POST    my/telegram/link/                                 login  hidden hidden hidden
POST    my/telegram/unlink/                               login  in     in     in
GET     push-worker.js                                    in     in     in     in
POST    my/browsers/                                      login  hidden hidden hidden
POST    my/browsers/remove/                               login  hidden hidden hidden
POST    telegram/webhook/                                 hidden hidden hidden hidden
GET     my/history/                                       login  in     in     in
GET     my/charges/                                       login  in     in     in
GET     receipts/<uuid:uid>/                              login  hidden in     in
GET     my/reservations/                                  login  in     in     in
POST    my/reservations/place/                            login  hidden hidden hidden
POST    my/reservations/<uuid:uid>/cancel/                login  hidden hidden hidden
POST    my/reservations/<uuid:uid>/suspend/               login  hidden hidden hidden
POST    my/reservations/<uuid:uid>/resume/                login  hidden hidden hidden
GET     accounts/                                         login  in     in     in
GET     accounts/edit/                                    login  in     in     in
POST    accounts/appearance/                              in     in     in     in
GET     accounts/data/                                    login  in     hidden hidden
POST    accounts/data/ask/                                login  in     hidden hidden
POST    accounts/data/erase/                              login  in     hidden hidden
POST    accounts/data/stay/                               login  in     hidden hidden
GET     accounts/data/<uuid:uid>/                         login  hidden hidden in
POST    accounts/history/keep/                            login  in     hidden hidden
POST    accounts/history/forget/                          login  in     hidden hidden
POST    accounts/card/renew/                              login  in     hidden hidden
GET     .well-known/change-password                       in     in     in     in
GET     accounts/login/                                   in     in     in     in
POST    accounts/logout/                                  in     in     in     in
GET     accounts/inactive/                                in     in     in     in
GET     accounts/signup/                                  in     in     in     in
GET     accounts/reauthenticate/                          login  in     in     in
GET     accounts/email/                                   login  in     in     in
GET     accounts/confirm-email/                           in     in     in     in
GET     accounts/^confirm-email/(?P<key>[-:\w]+)/$        hidden hidden hidden hidden
GET     accounts/password/change/                         login  in     in     in
GET     accounts/password/set/                            login  in     in     in
GET     accounts/password/reset/                          in     in     in     in
GET     accounts/password/reset/done/                     in     in     in     in
GET     accounts/password/reset/key/done/                 in     in     in     in
GET     accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$  hidden hidden hidden hidden
GET     accounts/login/code/confirm/                      login  in     in     in
POST    i18n/setlang/                                     in     in     in     in

GET     admin/desk/                                       login  no     in     in
GET     admin/desk/reader/<uuid:uid>/                     login  no     in     in
GET     admin/desk/reader/<uuid:uid>/photo/               login  no     hidden hidden
GET     admin/desk/reader/<uuid:uid>/photo/change/        login  no     in     in
POST    admin/desk/scan/                                  login  no     in     in
POST    admin/desk/lend/                                  login  no     in     in
POST    admin/desk/renew/                                 login  no     in     in
POST    admin/desk/return/                                login  no     in     in
GET     admin/desk/lost/<uuid:uid>/                       login  no     in     in
GET     admin/desk/claims/                                login  no     in     in
GET     admin/desk/claims/<uuid:uid>/                     login  no     in     in
POST    admin/desk/claims/<uuid:uid>/settle/              login  no     in     in
GET     admin/desk/damaged/                               login  no     in     in
GET     admin/desk/damaged/<uuid:uid>/                    login  no     in     in
POST    admin/desk/damaged/<uuid:uid>/repaired/           login  no     in     in
GET     admin/desk/readings/                              login  no     in     in
GET     admin/closings/                                   login  no     no     in
GET     admin/closings/day/<int:pk>/                      login  no     no     in
GET     admin/closings/preview/                           login  no     no     in
GET     admin/closings/<uuid:uid>/                        login  no     no     in
POST    admin/closings/<uuid:uid>/undo/                   login  no     no     in
POST    admin/desk/undo/                                  login  no     in     in
GET     admin/desk/shell/                                 login  no     in     in
GET     admin/desk/worker.js                              in     in     in     in
GET     admin/desk/branch/                                login  no     in     in
GET     admin/money/<uuid:uid>/                           login  no     in     in
GET     admin/money/<uuid:uid>/pay/                       login  no     in     in
POST    admin/money/<uuid:uid>/pay/                       login  no     in     in
GET     admin/money/<uuid:uid>/charge/                    login  no     in     in
GET     admin/money/<uuid:uid>/refund/                    login  no     no     in
GET     admin/money/entries/<uuid:uid>/waive/             login  no     no     in
GET     admin/money/entries/<uuid:uid>/reverse/           login  no     no     in
POST    admin/money/entries/<uuid:uid>/reverse/           login  no     no     in
GET     admin/reserved/                                   login  no     in     in
GET     admin/post/                                       login  no     in     in
POST    admin/post/gather/                                login  no     in     in
GET     admin/post/<uuid:uid>/                            login  no     hidden hidden
GET     admin/post/<uuid:uid>/letters.pdf                 login  no     hidden hidden
POST    admin/post/<uuid:uid>/posted/                     login  no     hidden hidden
POST    admin/post/<uuid:uid>/take-apart/                 login  no     hidden hidden
GET     admin/reserved/shelf/                             login  no     in     in
GET     admin/reserved/transfers/                         login  no     in     in
POST    admin/reserved/scan/                              login  no     in     in
POST    admin/reserved/release/<uuid:uid>/                login  no     hidden hidden
GET     admin/reserved/queue/<uuid:uid>/                  login  no     in     in
POST    admin/reserved/queue/<uuid:uid>/reserve/          login  no     in     in
POST    admin/reserved/reservations/<uuid:uid>/cancel/    login  no     in     in
POST    admin/reserved/reservations/<uuid:uid>/move/      login  no     in     in
GET     admin/reserved/reservations/<uuid:uid>/slip/      login  no     hidden hidden
GET     admin/reserved/transfers/<uuid:uid>/slip/         login  no     hidden hidden
GET     admin/isbn/                                       login  no     in     in
GET     admin/isbn/<str:isbn>/cover/                      login  no     hidden hidden
GET     admin/other-catalogues/                           login  no     in     in
GET     admin/other-catalogues/<str:key>/                 login  no     in     in
GET     admin/                                            login  login  in     in
GET     admin/login/                                      login  no     in     in
POST    admin/logout/                                     in     in     in     in
GET     admin/password_change/                            login  login  in     in
GET     admin/password_change/done/                       login  login  in     in
GET     admin/autocomplete/                               login  login  no     no
GET     admin/jsi18n/                                     login  login  in     in
GET     admin/r/<path:content_type_id>/<path:object_id>/  login  login  hidden hidden
GET     admin/policies/lendingrule/effective/             login  login  in     in
GET     admin/catalog/book/import/                        login  login  in     in
POST    admin/catalog/book/import/                        login  login  in     in
POST    admin/catalog/importrun/<int:pk>/start/           login  login  hidden hidden
POST    admin/catalog/importrun/<int:pk>/stop/            login  login  hidden hidden
GET     admin/catalog/importrun/<int:pk>/undo/            login  login  hidden hidden
GET     admin/catalog/importrun/<int:pk>/remarks/         login  login  hidden hidden
GET     admin/catalog/importrun/<int:pk>/rejected/        login  login  hidden hidden
GET     admin/catalog/copy/import/                        login  login  in     in
POST    admin/catalog/copy/import/                        login  login  in     in
GET     admin/reports/                                    login  no     in     in
GET     admin/reports/overdue/letters/                    login  no     in     in
GET     admin/reports/saved/<uuid:uid>/                   login  no     hidden hidden
POST    admin/reports/saved/<uuid:uid>/delete/            login  no     hidden hidden
GET     admin/reports/saved/<uuid:uid>/schedule/          login  no     hidden hidden
POST    admin/reports/saved/<uuid:uid>/schedule/          login  no     hidden hidden
POST    admin/reports/saved/<uuid:uid>/stop/              login  no     hidden hidden
POST    admin/reports/<slug:key>/save/                    login  no     in     in
GET     admin/reports/form-6nk/                           login  no     in     in
GET     admin/reports/visits/                             login  no     in     in
GET     admin/reports/builder/                            login  no     in     in
GET     admin/reports/builder/<uuid:uid>/                 login  no     hidden hidden
POST    admin/reports/builder/<uuid:uid>/delete/          login  no     hidden hidden
GET     admin/reports/builder/<slug:subject>/             login  no     in     in
GET     admin/reports/builder/<slug:subject>/file/        login  no     hidden hidden
POST    admin/reports/builder/<slug:subject>/save/        login  no     in     in
GET     admin/reports/<slug:key>/                         login  no     in     in
GET     admin/reports/<slug:key>/print/                   login  no     in     in
GET     admin/reports/<slug:key>/file/                    login  no     hidden hidden
GET     admin/stocktakes/<uuid:uid>/                      login  no     in     in
POST    admin/stocktakes/<uuid:uid>/scan/                 login  no     in     in
POST    admin/stocktakes/<uuid:uid>/upload/               login  no     in     in
GET     admin/stocktakes/<uuid:uid>/report/               login  no     in     in
POST    admin/stocktakes/<uuid:uid>/correct/              login  no     in     in
POST    admin/stocktakes/<uuid:uid>/undo/                 login  no     in     in
POST    admin/stocktakes/<uuid:uid>/close/                login  no     in     in
GET     admin/stocktakes/<uuid:uid>/protocol/             login  no     in     in
GET     admin/stocktakes/<uuid:uid>/export/               login  no     in     in
GET     admin/catalog/book/<int:pk>/add-copies/           login  login  in     in
GET     admin/catalog/copy/<int:pk>/photos/               login  login  in     in
GET     admin/catalog/book/cards/                         login  login  in     in
GET     admin/catalog/copy/labels/                        login  login  in     in
GET     admin/catalog/copy/withdraw/                      login  login  in     in
POST    admin/catalog/withdrawalact/<int:pk>/restore/     login  login  hidden hidden
GET     admin/accounts/reader/cards/                      login  login  in     in
POST    admin/catalog/copy/process_import/                login  login  in     in
GET     admin/catalog/batchchange/<int:pk>/prepare/       login  login  hidden hidden
POST    admin/catalog/batchchange/<int:pk>/undo/          login  login  hidden hidden
GET     admin/catalog/merge/books/                        login  login  hidden hidden
GET     admin/catalog/merge/authors/                      login  login  hidden hidden
GET     admin/catalog/merge/duplicates/                   login  login  in     in
POST    admin/catalog/merge/distinct/                     login  login  in     in
POST    admin/catalog/merge/<int:pk>/undo/                login  login  hidden hidden
GET     admin/readership/erasurerequest/reader/<int:pk>/  login  login  no     in
POST    admin/readership/erasurerequest/reader/<int:pk>/file/ login login no   in
POST    admin/readership/erasurerequest/reader/<int:pk>/erase/ login login no  in
POST    admin/readership/erasurerequest/reader/<int:pk>/decline/ login login no in
GET     admin/readership/readermerge/merge/               login  login  hidden hidden
GET     admin/readership/readermerge/duplicates/          login  login  in     in
POST    admin/readership/readermerge/distinct/            login  login  in     in
POST    admin/readership/readermerge/<int:pk>/undo/       login  login  hidden hidden
POST    admin/accounts/reader/<int:pk>/renew-card/        login  login  in     in
POST    admin/accounts/reader/<int:pk>/replace-card/      login  login  in     in
POST    admin/accounts/reader/<int:pk>/card-lost/         login  login  in     in
POST    admin/accounts/reader/<int:pk>/block/             login  login  in     in
POST    admin/accounts/reader/<int:pk>/lift-block/        login  login  hidden hidden
GET     admin/notifications/letter/<int:pk>/preview/      login  login  hidden hidden
GET     admin/notifications/letter/reader/<int:pk>/       login  login  in     in
POST    admin/notifications/letter/reader/<int:pk>/trust-address/ login login in in
GET     admin/notifications/message/write/                login  login  in     in
GET     admin/notifications/lettertemplate/words/<str:event>/<str:language>/<str:kind>/ login login no in
POST    admin/notifications/lettertemplate/words/<str:event>/<str:language>/<str:kind>/preview/ login login no in
POST    admin/notifications/lettertemplate/words/<str:event>/<str:language>/<str:kind>/reset/ login login no in
GET     admin/^(?P<app_label>[^/]+?)/$                         login  login  hidden hidden
GET     admin/(?P<url>.*)$                                login  login  hidden hidden

POST    api/v1/auth/register/                             in     in     in     in
POST    api/v1/auth/login/                                in     in     in     in
POST    api/v1/auth/refresh/                              in     in     in     in
POST    api/v1/auth/logout/                               in     in     in     in
GET     api/v1/auth/me/                                   login  in     in     in
PATCH   api/v1/auth/me/                                   login  in     in     in
GET     api/v1/auth/me/letters/                           login  in     in     in
GET     api/v1/auth/me/letters/preferences/               login  in     hidden hidden
PATCH   api/v1/auth/me/letters/preferences/               login  in     in     in
POST    api/v1/auth/me/renew-card/                        login  in     hidden hidden
POST    api/v1/auth/me/erasure/                           login  in     in     in
DELETE  api/v1/auth/me/erasure/                           login  in     hidden hidden
GET     api/v1/data-files/                                login  in     in     in
POST    api/v1/data-files/                                login  in     hidden hidden
GET     api/v1/data-files/<uuid:uid>/                     login  hidden hidden in
POST    api/v1/readers/<uuid:uid>/data-files/             login  no     no     in
POST    api/v1/readers/<uuid:uid>/erase/                  login  no     no     in
GET     api/v1/auth/me/history/                           login  in     hidden hidden
PATCH   api/v1/auth/me/history/                           login  in     in     in
POST    api/v1/auth/me/history/forget/                    login  in     hidden hidden
POST    api/v1/auth/password/                             login  in     in     in
GET     api/v1/books/                                     in     in     in     in
POST    api/v1/books/                                     login  no     in     in
GET     api/v1/books/<uuid:uid>/                          in     in     in     in
PATCH   api/v1/books/<uuid:uid>/                          login  no     in     in
DELETE  api/v1/books/<uuid:uid>/                          login  no     no     in
GET     api/v1/isbn/<str:isbn>/                           login  no     in     in
GET     api/v1/books/<uuid:uid>/volumes/                  in     in     in     in
GET     api/v1/suggestions/                               in     in     in     in
GET     api/v1/copies/                                    in     in     in     in
POST    api/v1/copies/                                    login  no     in     in
GET     api/v1/copies/<uuid:uid>/                         in     in     in     in
PATCH   api/v1/copies/<uuid:uid>/                         login  no     in     in
GET     api/v1/authors/                                   in     in     in     in
POST    api/v1/authors/                                   login  no     in     in
GET     api/v1/authors/<int:pk>/                          in     in     in     in
PATCH   api/v1/authors/<int:pk>/                          login  no     in     in
DELETE  api/v1/authors/<int:pk>/                          login  no     no     in
GET     api/v1/readers/                                   login  in     in     in
POST    api/v1/readers/                                   login  no     in     in
GET     api/v1/readers/<uuid:uid>/                        login  hidden in     in
PATCH   api/v1/readers/<uuid:uid>/                        login  no     in     in
POST    api/v1/readers/<uuid:uid>/renew-card/             login  no     in     in
POST    api/v1/readers/<uuid:uid>/replace-card/           login  no     in     in
POST    api/v1/readers/<uuid:uid>/report-card-lost/       login  no     in     in
POST    api/v1/readers/<uuid:uid>/blocks/                 login  no     in     in
POST    api/v1/readers/<uuid:uid>/blocks/<int:block>/lift/ login no     in     in
GET     api/v1/reader-merges/                             login  no     in     in
POST    api/v1/reader-merges/                             login  no     in     in
POST    api/v1/reader-merges/<int:pk>/undo/               login  no     hidden hidden
GET     api/v1/staff/                                     login  no     no     in
POST    api/v1/staff/                                     login  no     no     in
GET     api/v1/staff/<uuid:uid>/                          login  no     no     in
POST    api/v1/staff/<uuid:uid>/role/                     login  no     no     in
POST    api/v1/staff/<uuid:uid>/deactivate/               login  no     no     in
POST    api/v1/staff/<uuid:uid>/activate/                 login  no     no     in
GET     api/v1/loans/                                     login  in     in     in
POST    api/v1/loans/                                     login  no     in     in
POST    api/v1/loans/preview/                             login  no     in     in
POST    api/v1/loans/return/                              login  no     in     in
GET     api/v1/loans/<uuid:uid>/                          login  hidden in     in
POST    api/v1/loans/<uuid:uid>/renew/                    login  hidden in     in
POST    api/v1/loans/<uuid:uid>/declare-lost/             login  no     in     in
GET     api/v1/closings/                                  login  no     no     in
POST    api/v1/closings/                                  login  no     no     in
GET     api/v1/closings/<uuid:uid>/                       login  no     no     in
POST    api/v1/closings/<uuid:uid>/undo/                  login  no     no     in
POST    api/v1/loans/<uuid:uid>/claim-returned/           login  no     in     in
POST    api/v1/loans/<uuid:uid>/withdraw-claim/           login  no     in     in
POST    api/v1/copies/<uuid:uid>/damage/                  login  no     in     in
POST    api/v1/copies/<uuid:uid>/repair/                  login  no     in     in
GET     api/v1/copies/<uuid:uid>/readings/                login  no     in     in
POST    api/v1/loans/<uuid:uid>/undo/                     login  no     in     in
GET     api/v1/charges/                                   login  in     in     in
POST    api/v1/charges/                                   login  no     in     in
GET     api/v1/charges/<uuid:uid>/                        login  hidden in     in
POST    api/v1/charges/<uuid:uid>/waive/                  login  no     no     in
POST    api/v1/charges/<uuid:uid>/reverse/                login  no     no     in
GET     api/v1/payments/                                  login  in     in     in
POST    api/v1/payments/                                  login  no     in     in
GET     api/v1/payments/<uuid:uid>/                       login  hidden in     in
POST    api/v1/payments/<uuid:uid>/reverse/               login  no     no     in
POST    api/v1/refunds/                                   login  no     no     in
GET     api/v1/readers/<uuid:uid>/balance/                login  hidden in     in
POST    api/v1/loans/<uuid:uid>/return/                   login  no     in     in
GET     api/v1/reservations/                              login  in     in     in
POST    api/v1/reservations/                              login  in     in     in
GET     api/v1/reservations/<uuid:uid>/                   login  hidden in     in
POST    api/v1/reservations/<uuid:uid>/cancel/            login  hidden in     in
POST    api/v1/reservations/<uuid:uid>/suspend/           login  hidden in     in
POST    api/v1/reservations/<uuid:uid>/resume/            login  hidden in     in
POST    api/v1/reservations/<uuid:uid>/move/              login  no     in     in
POST    api/v1/visits/                                    login  no     in     in
GET     api/v1/reports/                                   login  no     in     in
GET     api/v1/reports/<slug:key>/                        login  no     in     in
GET     api/v1/stocktakes/                                login  no     in     in
GET     api/v1/stocktakes/<uuid:uid>/                     login  no     in     in
POST    api/v1/stocktakes/<uuid:uid>/scans/               login  no     in     in
GET     api/v1/branches/                                  in     in     in     in
GET     api/v1/reader-categories/                         login  no     in     in
GET     api/v1/item-types/                                login  no     in     in
GET     api/schema/                                       in     in     in     in
GET     api/docs/                                         in     in     in     in
GET     api/redoc/                                        in     in     in     in
GET     api/{none}                                        hidden hidden hidden hidden
"""
"""Method, address, and what happens to a stranger, a reader, a librarian, an administrator. Objects are another's."""

PANEL = """
accounts.reader                           view add change           view add change delete
accounts.readerblock                      view                      view
accounts.user                             -                         view add change
auth.group                                -                         view change
cashdesk.charge                           view                      view
cashdesk.payment                          view                      view
catalog.author                            view add change           view add change delete
catalog.batchchange                       view                      view
catalog.book                              view add change           view add change delete
catalog.copy                              view add change           view add change delete
catalog.copyfieldmapping                  view add change           view add change delete
catalog.genre                             view add change           view add change delete
catalog.importrun                         view                      view
catalog.merge                             view                      view
catalog.publisher                         view add change           view add change delete
catalog.series                            view add change           view add change delete
catalog.subject                           view add change           view add change delete
catalog.withdrawalact                     view                      view
circulation.loan                          view                      view
core.auditentry                           -                         view
core.jobrun                               -                         view
django_celery_beat.crontabschedule        -                         view add change delete
django_celery_beat.intervalschedule       -                         view add change delete
django_celery_beat.periodictask           -                         view add change delete
lookup.target                             view                      view add change delete
notifications.letter                      view                      view
notifications.lettertemplate              view                      view
notifications.message                     view                      view
notifications.notice                      view                      view
policies.branch                           view                      view add change delete
policies.closedday                        view                      view add change delete
policies.itemtype                         view                      view add change delete
policies.lendingrule                      view                      view add change delete
policies.readercategory                   view                      view add change delete
readership.erasurerequest                 view                      view
readership.readermerge                    view                      view
reservations.reservation                  view                      view
reservations.transfer                     view                      view
stocktaking.stocktake                     view add                  view add
"""
"""Model on the panel, and what librarians and administrators may do there; strangers and readers must sign in."""


def routes(patterns: list | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address with its pattern."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield re.sub(r"<app_label>[^)]+", "<app_label>[^/]+?", address), entry
        else:
            yield from routes(entry.url_patterns, address)


def methods(pattern: URLPattern) -> set[str]:
    """What an address of the API answers to; empty for pages, which the table opens as it says."""
    view = pattern.callback
    if actions := getattr(view, "actions", None):
        return {method.upper() for method in actions} - {"HEAD"}
    if issubclass(getattr(view, "cls", object), ApiView):
        return {name.upper() for name in ("get", "post", "patch", "delete") if hasattr(view.cls, name)}
    return set()


STOCK = re.compile(r"admin/(\w+)/(\w+)/(add/|<path:object_id>/((history|delete|change)/)?)?")
"""The addresses that every model on the panel has."""


def rows() -> list[tuple[str, str, list[str]]]:
    """Method, address and outcomes by role; `{none}` is the empty address."""
    cells = [line.split() for line in ADDRESSES.splitlines() if line]
    return [(method, address.replace("{none}", ""), outcomes) for method, address, *outcomes in cells]


def panel_rows() -> dict[str, tuple[set[str], set[str]]]:
    """Model -> what librarians may, what administrators may."""
    found = {}
    for line in filter(None, PANEL.splitlines()):
        model, librarian, administrator = re.split(r"\s{2,}", line)
        found[model] = (set(librarian.split()) - {"-"}, set(administrator.split()) - {"-"})
    return found


def test_every_address_stands_in_a_table():
    known = {(method, address) for method, address, _outcomes in rows()}
    known_addresses = {address for _method, address in known}
    for address, pattern in routes():
        if (stock := STOCK.fullmatch(address)) and f"{stock[1]}.{stock[2]}" in panel_rows():
            continue
        assert address in known_addresses, f"add a line for {address}"
        for method in methods(pattern):
            assert (method, address) in known, f"add a line for {method} {address}"
    assert known_addresses <= {address for address, _pattern in routes()}
    assert panel_rows().keys() == {model._meta.label_lower for model in admin.site._registry}


@pytest.fixture
def world(monkeypatch):
    """Objects that belong to nobody who asks, and the text that stands for them in addresses."""
    cache.clear()
    monkeypatch.setattr(Limit, "allow_request", lambda self, request, view: True)
    DefaultRuleFactory()
    centre, adult = BranchFactory(code="centre"), ReaderCategoryFactory(code="adult", is_default=True)
    BranchFactory(code="north")
    copy = CopyFactory(book__authors=["Толстой, Лев"], branch=centre, item_type=ItemTypeFactory(code="book"))
    vera = ReaderFactory(category=adult, home_branch=centre, user=UserFactory())
    loan = LoanFactory(reader=vera, copy__branch=centre)
    money = {"branch_id": centre.pk, "by": LibrarianFactory(), "now": timezone.now(), "amount": Decimal(10)}
    charge = cashdesk.actions.charge(reader_id=vera.pk, kind=Kind.MANUAL, reason="Копии", **money)
    payment = cashdesk.actions.pay(reader_id=vera.pk, method=Method.CASH, **money)
    closing = Closing.objects.create(starts_on="2026-01-01", ends_on="2026-01-01", made_at=timezone.now(), state="done")
    data = ask_for_data(reader_id=vera.pk, by=vera.user, now=timezone.now())
    make(file_id=data.pk, now=timezone.now())
    stocktake = Stocktake.objects.create(branch=centre, started_at=timezone.now())
    return {
        "books/": {"<uuid:uid>": copy.book.uid},
        "covers/": {"<uuid:uid>": copy.book.uid, "<int:width>": 320},
        "authors/": {"<int:pk>": copy.book.authors.get().pk},
        "copies/": {"<uuid:uid>": copy.uid},
        "readers/": {"<uuid:uid>": vera.uid, "<int:block>": ReaderBlockFactory(reader=vera).pk},
        "reader/": {"<uuid:uid>": vera.uid, "<int:pk>": vera.pk},
        "reservations/": {"<uuid:uid>": ReservationFactory(reader=vera).uid},
        "queue/": {"<uuid:uid>": copy.book.uid},
        "release/": {"<uuid:uid>": uuid4()},
        "admin/post/": {"<uuid:uid>": uuid4()},
        "transfers/": {"<uuid:uid>": uuid4()},
        "loans/": {"<uuid:uid>": loan.uid},
        "lost/": {"<uuid:uid>": loan.uid},
        "claims/": {"<uuid:uid>": loan.uid},
        "closings/": {"<uuid:uid>": closing.uid, "<int:pk>": ClosedDayFactory().pk},
        "damaged/": {"<uuid:uid>": copy.uid},
        "money/<uuid:uid>": {"<uuid:uid>": vera.uid},
        "entries/": {"<uuid:uid>": charge.uid},
        "charges/": {"<uuid:uid>": charge.uid},
        "payments/": {"<uuid:uid>": payment.uid},
        "receipts/": {"<uuid:uid>": payment.uid},
        "staff/": {"<uuid:uid>": LibrarianFactory().uid},
        "letter/": {"<int:pk>": 0},
        "searches/": {"<uuid:uid>": uuid4()},
        "words/": {"<str:event>": "overdue", "<str:language>": "ru", "<str:kind>": "letter"},
        "letters/": {"<uuid:uid>": uuid4(), "<str:token>": "forged"},
        "importrun/": {"<int:pk>": 0},
        "reports/saved/": {"<uuid:uid>": uuid4()},
        "reports/<slug:key>/": {"<slug:key>": "on-loan"},
        "reports/builder/<uuid:uid>/": {"<uuid:uid>": uuid4()},
        "reports/builder/<slug:subject>/": {"<slug:subject>": "loans"},
        "stocktakes/": {"<uuid:uid>": stocktake.uid},
        "book/": {"<int:pk>": copy.book.pk},
        "copy/": {"<int:pk>": copy.pk},
        "photos/": {"<uuid:uid>": uuid4(), "<int:width>": 320},
        "withdrawalact/": {"<int:pk>": 0},
        "merge/": {"<int:pk>": 0},
        "readermerge/": {"<int:pk>": 0},
        "reader-merges/": {"<int:pk>": 0},
        "data/": {"<uuid:uid>": data.uid},
        "data-files/<uuid:uid>": {"<uuid:uid>": data.uid},
        "batchchange/": {"<int:pk>": 0},
    }


@pytest.fixture
def people():
    """Somebody of every role; the reader is not the one whom the objects belong to."""
    reader = UserFactory()
    ReaderFactory(user=reader)
    return {"stranger": None, "reader": reader, "librarian": LibrarianFactory(), "admin": AdminFactory()}


def signed_in(user) -> SimpleCookie:
    """The cookies of `user`'s browser: signing in once is enough for hundreds of addresses."""
    client = Client()
    if user:
        client.force_login(user)
    return client.cookies


def outcome(user, cookies: SimpleCookie, method: str, path: str) -> str:
    """What happens to `user` there, who comes with these cookies, in one word."""
    is_api = path.startswith("/api/")
    client = APIClient() if is_api else Client(raise_request_exception=False)
    if is_api and user:
        client.force_authenticate(user)
    elif not is_api:
        client.cookies = SimpleCookie(cookies)
    response = client.generic(method, path, "{}" if is_api else "", content_type="application/json" if is_api else "")
    if response.status_code in (301, 302):
        return "login" if "/login/" in response["Location"].partition("?")[0] else "in"
    if response.status_code >= 500 or response.status_code == 405:
        return str(response.status_code)
    return {401: "login", 403: "no", 404: "hidden"}.get(response.status_code, "in")


@pytest.mark.parametrize("role", ROLES)
def test_addresses(world, people, role):
    wrong, cookies = [], signed_in(people[role])
    for method, address, outcomes in rows():
        path = address
        for place, values in world.items():
            if place in address:
                for gap, value in values.items():
                    path = path.replace(gap, str(value))
        expected = outcomes[ROLES.index(role)]
        with transaction.atomic():
            found = outcome(people[role], cookies, method, f"/{path}")
            transaction.set_rollback(True)
        if found != expected:
            wrong.append(f"{method} {address}: {expected} expected, found {found}")
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_the_panel(people, role):
    wrong, cookies = [], signed_in(people[role])
    for model, allowed in panel_rows().items():
        base = f"/admin/{model.replace('.', '/')}/"
        pages = {"view": ("", "0/change/"), "add": ("add/",), "delete": ("0/delete/",)}
        for deed, paths in pages.items():
            may = role in ROLES[2:] and deed in allowed[ROLES.index(role) - 2]
            expected = "login" if role in ROLES[:2] else "in" if may else "no"
            found = {path: outcome(people[role], cookies, "GET", base + path) for path in paths}
            wrong += [
                f"{base}{path}: {expected} expected, found {was}" for path, was in found.items() if was != expected
            ]
    assert wrong == []


@pytest.mark.parametrize("role", ROLES[2:])
def test_changing_on_the_panel(people, role):
    """Whether a model may be changed is asked of its admin class, as its form does."""
    request = RequestFactory().get("/admin/")
    request.user = people[role]
    for model, model_admin in admin.site._registry.items():
        allowed = panel_rows()[model._meta.label_lower][ROLES.index(role) - 2]
        assert model_admin.has_change_permission(request) == ("change" in allowed), model
