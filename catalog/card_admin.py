"""The panel's page for catalogue cards: of chosen books or of an import."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.catalogue_cards import CatalogueCardsForm
from catalog.copy_admin import page, pdf_response
from catalog.models import Book
from printing.sheets import MOST_LABELS, as_pdf


class PrintsCatalogueCards:
    """For the list of books: catalogue cards as a PDF."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cards_view)
        return [path("cards/", view, name="catalog_book_cards"), *super().get_urls()]  # type: ignore[misc] # of ModelAdmin

    @admin.action(description=gettext_lazy("Print catalogue cards…"), permissions=["view"])
    def print_catalogue_cards(self, request: HttpRequest, queryset: QuerySet[Book]) -> TemplateResponse:
        """On to kinds and paper."""
        chosen = ",".join(map(str, queryset.order_by("pk").values_list("pk", flat=True)[:MOST_LABELS]))
        return _page(request, CatalogueCardsForm(initial={"books": chosen}, session=request.session))

    def cards_view(self, request: HttpRequest) -> HttpResponseBase:
        """Which cards, on which paper; then the PDF."""
        if not request.user.has_perm("catalog.view_copy"):
            raise PermissionDenied
        if request.method != "POST":
            given = {name: request.GET[name][:40] for name in ("books", "run") if name in request.GET}
            return _page(request, CatalogueCardsForm(initial=given, session=request.session))
        form = CatalogueCardsForm(request.POST, session=request.session)
        if not form.is_valid():
            return _page(request, form)
        content = as_pdf(form.faces(), form.layout(), title=_("Catalogue cards"))
        return pdf_response(content, "catalogue-cards.pdf")


def _page(request: HttpRequest, form: CatalogueCardsForm) -> TemplateResponse:
    context = {"form": form, "count": form.chosen.count()}
    return page(request, Book, "admin/catalog/catalogue_cards.html", title=_("Print catalogue cards"), **context)
